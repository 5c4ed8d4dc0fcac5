"""Names of files and folders of the test surface, as shell patterns; the case of letters counts.

Not here: the order in which they are asked (`kinds.py`), and names that shadow modules (`shadows.py`).
"""

from verger_kernel.rules.pattern import lazy

# fmt: off
RUNNER_CONFIGURATION = (
    "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", ".coveragerc", "tox.toml", "phpunit.xml*",
    "phpunit.dist.xml",
    "jest.config.*", "jest-*.config.*", "vitest.config.*", "vitest.workspace.*", "vitest.projects.*", ".mocharc*",
    "mocha.opts", ".nycrc*", ".c8rc*", ".taprc", "ava.config.*", "karma.conf.*", ".jasmine.json", ".rspec", ".npmrc",
    "playwright.config.*", "cypress.config.*", "web-test-runner.config.*", "node.config.json", "bunfig.toml",
    "nextest.toml", "tarpaulin.toml", ".env.test*", "testng.xml",
)
SCRIPTS = (
    "Makefile", "makefile", "GNUmakefile", "[Jj]ustfile", ".justfile", "Taskfile.y*ml", "Rakefile", "noxfile.py",
    "dodo.py", "gulpfile.*", "Gruntfile.*", "Earthfile", "run_tests*", "run-tests*", "runtests*",
    "test.sh", "tests.sh", "check.sh", "ci.sh", "verify.sh",
)
# Whole paths, for a folder decides whether such a name is a script of the repository or part of the product.
SCRIPT_PLACES = lazy(
    r"((scripts?|tools|ci)/)?(tests?|check|ci|verify)(\.(sh|bash))?|(scripts?|tools|bin)/(run[-_])?tests?(\.\w+)?"
)
CI = (
    ".github/workflows/*", ".github/actions/*", ".gitlab-ci.y*ml", ".gitlab/ci/*", ".circleci/*", ".travis.yml",
    "azure-pipelines*.y*ml", "*Jenkinsfile", "bitbucket-pipelines.yml", ".buildkite/*", "appveyor.yml", ".drone.yml",
    "cloudbuild.y*ml", "codecov.y*ml", ".codecov.y*ml", ".pre-commit-config.y*ml", ".ci/*.y*ml",
)
SUPPORT = (
    "conftest.py", "jest.setup.*", "vitest.setup.*", "setupTests.*", "setup-tests.*", "test_helper.rb",
    "spec_helper.rb", "rails_helper.rb",
)
TESTS = (
    "test_*.py", "*_test.py", "test.py", "tests.py", "test_*.pyi", "*_test.go", "*_test.rs", "*_tests.rs",
    "*_spec.rb", "*_test.rb", "test_*.rb", "*.bats", "*_test.sh", "test_*.sh", "*.test.sh", "*.t", "*_test.exs",
    "*_test.dart", "*_test.c", "*_test.cc", "*_test.cpp", "*_unittest.cc", "test_*.c", "test_*.cc", "test_*.cpp",
)
# Names in which a capital letter or a word's end decides.
TEST_NAMES = lazy(
    r"test\.[cm]?[jt]sx?|.+\.(test|spec|cy|e2e)\.[cm]?[jt]sx?|test-.+\.[cm]?[jt]s|.+[-_]test\.[cm]?[jt]sx?"
    r"|.*(Test|Tests|TestCase|IT|Spec|Specs)\.(java|kt|kts|scala|groovy|cs|swift|php)|Test[A-Z0-9].*\.(java|kt|scala)"
)
SNAPSHOTS = ("*.snap", "*.ambr", "*.golden", "*.approved.*")
CODE = frozenset((
    "py", "pyi", "js", "jsx", "ts", "tsx", "mjs", "cjs", "mts", "cts", "go", "rs", "rb", "java", "kt",
    "kts", "scala", "groovy", "cs", "swift", "php", "sh", "bash", "bats", "c", "cc", "cpp", "h", "hpp",
    "ex", "exs", "dart", "lua", "pl", "t", "coffee",
))
"""Endings of sources."""

TEST_FOLDERS = frozenset(("tests", "__tests__", "testdata", "__mocks__", "__fixtures__"))
"""All below is test surface, at any depth."""

WEAK_TEST_FOLDERS = frozenset(("test", "spec", "specs", "e2e", "cypress"))
"""The same at the top; deeper they are names of product packages too (django/test, src/spec)."""

DATA_FOLDERS = frozenset(("testdata", "__mocks__", "__fixtures__", "fixtures", "data", "support", "helpers"))
TOP_DATA_FOLDERS = frozenset(("expected", "golden", "goldens", "fixtures", "snapshots"))
"""At the top they hold what tests read; deeper a product keeps data of its own in such a folder."""

MAKE_FOLDERS = frozenset(("mk", "make", "build", "scripts", "script", "tools", "ci", "hack"))
ANDROID_MAKEFILES = frozenset(("Android.mk", "Application.mk"))
SITE_FOLDERS = frozenset(("site-packages", "dist-packages", ".venv", "venv"))
# fmt: on
