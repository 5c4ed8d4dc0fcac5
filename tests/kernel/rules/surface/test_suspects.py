"""Product that asks for a test run or reaches into the runner is seen; honest product of the same look is not."""

from textwrap import dedent

import pytest

from verger_kernel.rules.surface.suspects import sniffing, tampering, works_with_a_runner

ASKS = {
    "src/a.py": (
        'import os\nif "PYTEST_CURRENT_TEST" in os.environ: x = 1',
        'os.environ.get("PYTEST_CURRENT_TEST")',
        'os.getenv("PYTEST_" + "CURRENT_TEST")',
        'NAME = "PYTEST_XDIST_WORKER"',
        '"pytest" in sys.modules',
        'import sys as s\nx = "unittest" in s.modules',
        'from sys import modules as m\nx = "_pytest" in m',
        'loaded = sys.modules\nif any("pytest" in name for name in loaded): x = 1',
        'if sys.modules.get("pytest"): x = 1',
        'if "pytest" in sys.argv[0]: x = 1',
        'sys.modules["__main__"].__spec__.name == "pytest.__main__"',
        'def f():\n  for frame in inspect.stack():\n    if frame.function.startswith("test_"): return 1',
        'def f():\n  return "test_" in sys._getframe(1).f_code.co_name',
        'getattr(sys, "x"); sys._called_from_test',
        "try:\n  import pytest\n  T = True\nexcept ImportError:\n  T = False",
        'importlib.util.find_spec("pytest")',
        'os.getenv("VERGER_VERIFICATION")',
        "type X[T] = dict[T, 'PYTEST_CURRENT_TEST']; x = 'pytest' in sys.modules",
    ),
    "src/a.js": (
        "if (process.env.JEST_WORKER_ID) x()",
        "if (process.env['NODE_TEST_CONTEXT']) x()",
        "process.env.NODE_ENV === 'test'",
        'if ("test" == process.env.NODE_ENV) x()',
        "if (typeof describe !== 'undefined') x()",
        "if (globalThis.jest) x()",
        "if (process.execArgv.includes('--test')) x()",
        "if (process.env.VITEST) x()",
    ),
    "a.go": (
        "if testing.Testing() { x() }",
        'if flag.Lookup("test.v") != nil {}',
    ),
    "src/a.rs": ("if cfg!(test) { x() }", "#[cfg(not(test))]\nfn f() {}", 'env::var("RUST_TEST_THREADS")'),
    "a.rb": ("x if Rails.env.test?", "if defined?(RSpec)\nend"),
    "A.java": ('for (var e : stack) if (e.getClassName().startsWith("org.junit")) x();',),
    "a.sh": ('[ -n "$PYTEST_CURRENT_TEST" ] && exit 0',),
}
MENTIONS = {
    "src/a.py": (
        '"""Set PYTEST_CURRENT_TEST; see os.environ["CI"]."""',
        'def f():\n  """PYTEST_CURRENT_TEST"""',
        "# PYTEST_CURRENT_TEST, 'pytest' in sys.modules",
        'CI = "CI"\nprint(CI, {"CI": 1}["CI"])',
        # No command of a trial is given it.
        'os.environ.get("CI")\nos.environ["CI"]',
        'if sys.argv[1] == "test": x = 1',
        'print("run pytest to see PYTEST_CURRENT_TEST at work")',
        "if 'json' in sys.modules: x = 1",
        "def f():\n  return inspect.stack()[1].filename",
        'def f():\n  print("tests that fail", traceback.extract_stack())',
        "try:\n  import numpy._pytesttester\nexcept ImportError:\n  pass",
        'import os\nos.environ["CI"] = "1"',
        'config.get("CI")\nrow["CI"]',
        "try:\n  import ujson\nexcept ImportError:\n  import json",
        'COMMANDS = ["pytest", "ruff"]',
        'env = {"PYTEST_ADDOPTS": "-q", **env}',
        'env["PYTEST_ADDOPTS"] = "-q"',
        'subprocess.run([sys.executable, "-m", "pytest"])',
        "def f(:\n  os.environ",
    ),
    "src/a.js": (
        "// process.env.JEST_WORKER_ID",
        "/* NODE_ENV === 'test' */",
        "if (process.env.NODE_ENV === 'production') x()",
        "if (import.meta.vitest) { const { it } = import.meta.vitest }",
        "const CI = 1; submit(CI)",
        "typeof value === 'string'",
        "if (process.argv.includes('--help')) x()",
        "describe('x')",
    ),
    "a.go": ('import "testing"', "// testing.Testing()", 'os.Getenv("HOME")'),
    "src/a.rs": (
        "#[cfg(test)]\nmod tests {}",
        "#[cfg(not(test))]\n#[panic_handler]\nfn p() {}",
        "// cfg!(test)",
    ),
    "docs/a.md": ("PYTEST_CURRENT_TEST `'pytest' in sys.modules`",),
    "a.txt": ("if (process.env.JEST_WORKER_ID)",),
    "a.json": ('{"a": "PYTEST_CURRENT_TEST"}',),
    "a.yaml": ("env: {CI: PYTEST_CURRENT_TEST}",),
}

PATCHES = {
    "src/a.py": (
        "import unittest\nunittest.TestCase.assertEqual = lambda *a: None",
        "from unittest import TestCase as T\nT.fail = None",
        "import unittest as u\nsetattr(u.TestCase, 'assertEqual', None)",
        "import pytest\npytest.raises = None",
        "import _pytest.runner",
        "from _pytest import outcomes",
        "sys.modules['pytest'] = fake",
        "sys.modules['unittest'].TestCase.fail = None",
        "del pytest.fail\nimport pytest",
        "import builtins\nbuiltins.AssertionError = Quiet",
        "import builtins\nsetattr(builtins, 'isinstance', f)",
        "__builtins__['len'] = f",
        "os._exit(0)",
        "def f():\n  os._exit(0)",
        "def f():\n  from os import _exit\n  _exit(0)",
        "from os import _exit as done\ndef f():\n  done(0)",
        "import os as o\no._exit(0)",
        "def f():\n  __import__('os')._exit(0)",
        "import builtins\nbuiltins.__dict__['len'] = f",
        "atexit.register(os._exit, 0)",
        "getattr(os, '_exit')(0)",
        "sys.exit(0)",
        "sys.exit()",
        "raise SystemExit",
        "raise SystemExit(0)",
        "if __name__ != '__main__':\n  sys.exit(0)",
        "class A:\n  def __eq__(self, other):\n    return True",
        "class A(int):\n  def __eq__(self, other):\n    'doc'\n    return True",
        "class A:\n  __eq__ = lambda self, other: True",
        "class A:\n  def __ne__(self, other): return False",
        "sys.meta_path.insert(0, Finder())\nPREFIX = 'test_'",
        "sys._getframe(1).f_globals['expected'] = 1",
        "Path('tests/test_a.py').write_text('')",
        "open('conftest.py', 'w')",
        "# coding: utf_7\nx = 1",
        "type X[T] = int; os._exit(0)",
        "os.execv('/bin/true', ['true'])",
        "from os import execlp as go\ngo('true', 'true')",
        "def f():\n  sys.exit(0)\nf()",
        "def f():\n  g()\ndef g():\n  os.execvp('true', ['true'])\nX = f()",
        "def f():\n  raise SystemExit\nif X:\n  f()",
        "import gc\nfor one in gc.get_objects():\n  one.__code__ = f.__code__",
        "threading.Timer(1, os._exit, args=(0,))",
        "threading.Timer(1, os._exit, [0])",
        "atexit.register(os._exit, code)",
        "class A:\n  def __eq__(self, other):\n    return isinstance(other, object)",
        "class A:\n  def __eq__(self, other):\n    'doc'\n    return isinstance(other, (int, float))",
    ),
    "src/a.js": (
        "globalThis.expect = () => ({})",
        "assert.equal = () => {}",
        "require('assert').strictEqual = () => {}",
        "require('node:assert/strict').ok = x",
        "process.exitCode = 0",
        "process.on('exit', () => process.exit(0))",
        "process.exit(0)",
        "Module._load = f",
        "process.reallyExit(0)",
        "process.on('exit', () => process.exit())",
        "Object.defineProperty(require('node:assert'), 'equal', { value: () => {} })",
        "Object.defineProperty(assert.strict, 'equal', { value: f })",
        "Object.assign(assert, { equal() {} })",
    ),
    "a.go": ("func init() { os.Exit(0) }",),
    "a.rb": ("at_exit { exit! 0 }",),
}
HONEST = {
    "src/a.py": (
        "import unittest\nclass T(unittest.TestCase): fail = None",
        "import testing_tools\ntesting_tools.x = 1",
        "sys.modules['numpy'] = fake",
        "sys.modules[__name__] = Module()",
        "import builtins\nbuiltins._ = gettext",
        "setattr(self, 'x', 1)",
        "if __name__ == '__main__':\n  sys.exit(main())",
        "if __name__ == '__main__':\n  main()\n  sys.exit(0)",
        "def main():\n  sys.exit(0)",
        "if sys.version_info < (3, 8):\n  sys.exit('too old')",
        "def f():\n  if os.fork() == 0:\n    os._exit(0)",
        "def f():\n  os._exit(1)",
        "class A:\n  def __eq__(self, other):\n    return self.x == other.x",
        "class A:\n  def __eq__(self, other):\n    return isinstance(other, A)",
        "class A:\n  def __eq__(self, other):\n    if self.x != other.x: return False\n    return True",
        "class A:\n  def __contains__(self, other):\n    return True",
        "sys.meta_path.insert(0, LazyFinder())",
        "def scaffold(root):\n  (root / 'tests' / 'test_a.py').write_text(TEXT)",
        "frame.f_globals['x']",
        "frame.f_globals[name] = value",
        "import builtins\nbuiltins.__dict__['_'] = gettext",
        "class Lock:\n  def _exit(self): pass\n  def __exit__(self): self._exit()",
        "stack.push(cm, _exit)",
        "# -*- coding: utf-8 -*-\nx = 1",
        "# coding: latin-1\nx = 1",
        "'''os._exit(0); sys.exit(0)'''",
        "import atexit\natexit.register(pool.close)",
        "open('out.txt', 'w')",
        "threading.Timer(s, os._exit, args=(1,))",
        "atexit.register(os._exit, 1)",
        "def f():\n  os.execv(sys.executable, sys.argv)",
        "def f():\n  sys.exit(0)\nif __name__ == '__main__':\n  f()",
        "def f():\n  sys.exit('too old')\nif sys.version_info < (3, 8):\n  f()",
        "def main():\n  sys.exit(0)\ndef other():\n  main()\nprint(main)",
        "if __name__ == '__main__':\n  os.execv('/bin/true', ['true'])",
        "import gc\ngc.collect()\nself.code = x.__code__",
        "def f(g):\n  g.__code__ = g.__code__.replace(co_name='f')",
        "class A:\n  def __eq__(self, other):\n    return isinstance(other, (A, B))",
        "class A:\n  def __eq__(self, other):\n    return isinstance(other, str) and other == self.x",
    ),
    "src/__main__.py": ("sys.exit(0)", "raise SystemExit(main())"),
    "scripts/build.py": ("sys.exit()", "def main():\n  sys.exit(0)\nmain()", "os.execv('x', ['x'])"),
    "src/a.js": (
        "process.exitCode = 1",
        "function main() {\n  process.exit(0)\n}",
        "assert.equal(a, b)",
        "const assert = require('assert')",
        "window.test = 1 == 2 ? a : b".replace("window.", "my."),
        "process.on('exit', cleanup)",
        "process.on('exit', () => console.log('x'))",
        "process.on('exit', code => process.exit(code || 1))",
        "Object.defineProperty(exports, 'equal', { value: assert })",
        "if (globalThis.expect === x) y()",
        "// globalThis.expect = x",
    ),
    "bin/a.js": ("process.exit(0)",),
    "a.go": ("func main() { os.Exit(0) }",),
    "a.md": ("unittest.TestCase.fail = None; os._exit(0)",),
}


def each(table: dict[str, tuple[str, ...]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("path", "source"), [(path, one) for path, many in table.items() for one in many]
    )


def asked(path: str, source: str) -> list[int]:
    return [suspect.line for suspect in sniffing(path, dedent(source).encode())]


def patched(path: str, source: str, *, is_product: bool = True) -> list[int]:
    return [suspect.line for suspect in tampering(path, dedent(source).encode(), is_product=is_product)]


@each(ASKS)
def test_product_that_asks_whether_a_test_runs_is_seen(path: str, source: str) -> None:
    assert asked(path, source)


@each(MENTIONS)
def test_product_that_only_speaks_of_it_is_not(path: str, source: str) -> None:
    assert not asked(path, source)


@each(PATCHES)
def test_product_that_reaches_into_the_runner_is_seen(path: str, source: str) -> None:
    assert patched(path, source)


@each(HONEST)
def test_product_that_minds_its_own_business_is_not(path: str, source: str) -> None:
    assert not patched(path, source)


IN_TESTS = {
    "conftest.py": (
        "import os\nos._exit(0)",
        "import pytest\npytest.exit('done', returncode=0)",
        "def pytest_sessionfinish(session):\n  session.exitstatus = 0",
        "def pytest_runtest_makereport(item, call):\n  call.excinfo = None",
        "def pytest_runtest_makereport():\n  report.outcome = 'passed'",
        "def pytest_pyfunc_call():\n  outcome = yield\n  outcome.force_result(None)",
        "import unittest\nunittest.TestCase.assertEqual = f",
        "sys.exit(0)",
    ),
    "jest.setup.js": ("process.exitCode = 0", "process.exit(0)"),
}
HONEST_IN_TESTS = {
    "conftest.py": (
        "import pytest\n@pytest.fixture\ndef x(monkeypatch):\n  monkeypatch.setattr('os._exit', print)",
        "import pytest\npytest.exit('no database')",
        "import pytest\npytest.shared = 1",
        "def pytest_runtest_makereport(item):\n  setattr(item, 'rep', 1)",
        "sys.modules['RPi'] = MagicMock()",
        "def pytest_addoption(parser): parser.addoption('--slow')",
        "class Anything:\n  def __eq__(self, other): return True",
        "from _pytest.monkeypatch import MonkeyPatch",
    ),
    "jest.setup.js": ("global.expect = require('chai').expect", "jest.setTimeout(5000)"),
}


@each(IN_TESTS)
def test_test_support_that_ends_the_runner_or_overwrites_its_outcome_is_seen(path: str, source: str) -> None:
    assert patched(path, source, is_product=False)


@each(HONEST_IN_TESTS)
def test_test_support_may_use_its_runner(path: str, source: str) -> None:
    assert not patched(path, source, is_product=False)


def test_the_line_and_its_text_are_told() -> None:
    (suspect,) = sniffing("a.py", b"import os\n\nx = os.environ.get('TESTING')\n")
    assert (suspect.line, suspect.text) == (3, "x = os.environ.get('TESTING')")
    (suspect,) = sniffing("a.js", b"// a\n\nlet x = 1\nif (process.env.VITEST) x = 2 // y\n")
    assert (suspect.line, suspect.text) == (4, "if (process.env.VITEST) x = 2")


@pytest.mark.parametrize(
    ("path", "source"),
    [("a.py", "import pytest"), ("a.py", "from unittest import mock"), ("a.js", "import 'vitest'")],
)
def test_a_source_that_imports_a_runner_is_about_testing(path: str, source: str) -> None:
    assert works_with_a_runner(path, source.encode())
    assert not works_with_a_runner(path, b"import os")
    assert not works_with_a_runner(path, None)
