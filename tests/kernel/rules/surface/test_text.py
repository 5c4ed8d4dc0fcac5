"""Tests, assertions and skips are counted where they can run and can fail, in each language."""

from textwrap import dedent

import pytest

from verger_kernel.rules.surface.counts import Counts
from verger_kernel.rules.surface.text import count


def counted(path: str, source: str) -> Counts:
    return count(path, dedent(source).encode())


def sums(path: str, source: str) -> tuple[int, int, int]:
    counts = counted(path, source)
    return counts.tests.total(), counts.assertions.total(), counts.skips.total()


PYTHON = {
    "functions, methods and checks of all kinds": (
        """
        import pytest, unittest
        def test_a(mock):
            assert 1 + 1 == 2
            with pytest.raises(ValueError, match="x"):
                int("x")
            mock.assert_called_once_with(1)
        async def test_b():
            np.testing.assert_allclose(a, b)
        class TestC:
            def test_d(self): assert f()
            def helper(self): assert g()
        class D(unittest.TestCase):
            def test_e(self): self.assertEqual(f(), 3)
        def helper(x): assert x
        """,
        (4, 8, 0),
    ),
    "a literal table of parameters is that many tests": (
        """
        @pytest.mark.parametrize("a", [1, 2, 3])
        @pytest.mark.parametrize("b", (1, 2))
        def test_a(a, b): assert a == b
        """,
        (6, 6, 0),
    ),
    "an empty table of parameters is none": (
        "@pytest.mark.parametrize('a', [])\ndef test_a(a): assert a\n",
        (0, 0, 1),
    ),
    "a computed table of parameters is one": (
        "@pytest.mark.parametrize('a', CASES)\ndef test_a(a): assert a\n",
        (1, 1, 0),
    ),
    "assertions that cannot fail": (
        """
        def test_a():
            assert True
            assert 1, "m"
            assert (x == 1, "m")
            assert x == 1 or True
            assert x == x
            assert not False
            assert lambda: x
        class T(unittest.TestCase):
            def test_b(self):
                self.assertTrue(True); self.assertFalse(0); self.assertEqual(x, x); self.assertIsNone(None)
        """,
        (2, 0, 0),
    ),
    "assertions that can": (
        """
        def test_a():
            assert False, "never reached"
            assert x and True
            assert not True
            assert x == y
            assert x != x
            assert []
        """,
        (1, 6, 0),
    ),
    "assertions whose failure is caught": (
        """
        def test_a():
            try:
                assert f()
            except Exception:
                pass
        def test_b():
            with contextlib.suppress(AssertionError):
                assert f()
        def test_c():
            try: assert f()
            except: print("x")
        """,
        (3, 0, 0),
    ),
    "assertions whose failure is told on": (
        """
        def test_a():
            try:
                assert f()
            except AssertionError:
                log()
                raise
        def test_b():
            try:
                assert g()
            except Exception as error:
                assert error.code == 3
        def test_c():
            try: assert f()
            except ValueError: pass
        """,
        (3, 4, 0),
    ),
    "what is never reached": (
        """
        def test_a():
            return
            assert f()
        def test_b():
            if False:
                assert f()
            for x in []:
                assert x
        if False:
            def test_c(): assert f()
        def test_d():
            pytest.skip("x")
            assert f()
        """,
        (3, 0, 1),
    ),
    "a test that a later one replaces": (
        "def test_a():\n    assert f()\ndef test_a():\n    pass\n",
        (1, 0, 0),
    ),
    "classes that are not collected": (
        """
        class Helper:
            def test_a(self): assert f()
        class TestB:
            def __init__(self): pass
            def test_b(self): assert f()
        class TestC:
            __test__ = False
            def test_c(self): assert f()
        """,
        (0, 3, 0),
    ),
    "skips of all kinds": (
        """
        pytestmark = pytest.mark.skip
        np = pytest.importorskip("numpy")
        @pytest.mark.skipif(True, reason="x")
        def test_a(): assert f()
        @pytest.mark.xfail
        def test_b(): pytest.xfail("x")
        @unittest.skipUnless(x, "x")
        class T(unittest.TestCase):
            @unittest.expectedFailure
            def test_c(self): self.skipTest("x")
        def test_d(): raise unittest.SkipTest("x")
        @pytest.mark.parametrize("a", [1, pytest.param(2, marks=pytest.mark.skip)])
        def test_e(a): assert a
        """,
        (6, 3, 10),
    ),
    "words in texts and comments": (
        '''
        """def test_x(): assert y; pytest.skip()"""
        # def test_y(): assert z
        TEXT = "assert pytest.mark.skip"
        def test_a(skip): "assert this"; skip = 1; item.skip
        ''',
        (1, 0, 0),
    ),
    "what does not parse": ("def test_a(:\n    assert x\n", (0, 0, 0)),
}


@pytest.mark.parametrize("case", PYTHON)
def test_python_is_counted_on_its_tree(case: str) -> None:
    source, expected = PYTHON[case]
    assert sums("tests/test_a.py", source) == expected


OTHERS = {
    "a.test.ts": (
        """
        // it("no", () => expect(1))
        /* test("no") */
        import { it } from "vitest"
        describe("a test('x')", () => {
          it("adds", () => { expect(add(1, 2)).toBe(3) })
          test.each([1])("x", () => { assert.deepEqual(f(), 1); expect(true).toBe(true); assert.ok(true) })
          it.skip("later", () => { expect(f()).toBe(1) })
          xit("never", () => {})
          const s = `it("text")`
        })
        submit("form"); exit(1); edit(2)
        """,
        (2, 3, 2),
    ),
    "a_test.go": (
        """
        package a
        // func TestNo(t *testing.T) {}
        func TestA(t *testing.T) { if f() { t.Errorf("x") } }
        func TestB(t *testing.T) { t.Skip("later"); require.Equal(t, 1, f()) }
        func helper() { fmt.Errorf("x") }
        """,
        (2, 2, 1),
    ),
    "tests/a.rs": (
        """
        // #[test]
        #[test]
        fn a<'a>() { assert_eq!(f('"'), 1); assert!(true); }
        #[tokio::test]
        #[ignore = "slow"]
        async fn b() { let s = r#"assert!(x) #[test]"#; assert!(g()) }
        """,
        (2, 2, 1),
    ),
    "AppTest.java": (
        """
        class AppTest {
          @Test void a() { assertEquals(1, f()); assertTrue(true); }
          @Disabled @Test void b() { verify(x).run(); }
        }
        """,
        (2, 2, 1),
    ),
    "a_spec.rb": (
        """
        # it "no" do
        it "adds" do
          expect(add(1, 2)).to eq 3
        end
        xit("later") { expect(1).to eq 1 }
        """,
        (1, 2, 1),
    ),
    "a.bats": (
        """
        @test "adds" {
          run add 1 2
          [ "$output" = 3 ]
        }
        @test "later" {
          skip "x"
        }
        """,
        (2, 1, 1),
    ),
    "a_test.cc": ("TEST(A, B) { EXPECT_EQ(1, f()); }\nTEST(A, DISABLED_C) { GTEST_SKIP(); }\n", (2, 1, 2)),
    "ATest.php": ("function testA() { $this->assertSame(1, f()); $this->markTestSkipped('x'); }", (1, 1, 1)),
    "unknown.xyz": ("def test_a(): assert x", (0, 0, 0)),
}


@pytest.mark.parametrize("path", OTHERS)
def test_other_languages_are_counted_in_text_without_comments_and_strings(path: str) -> None:
    source, expected = OTHERS[path]
    assert sums(path, source) == expected


EXCLUDING = {
    "conftest.py": (
        "collect_ignore = ['test_a.py']",
        "collect_ignore_glob = [x]",
        "collect_ignore += ['b.py']",
        "collect_ignore.append('b.py')",
        "def pytest_ignore_collect(path): return True",
        "def pytest_collection_modifyitems(items): items[:] = items[:1]",
        "def pytest_collection_modifyitems(items): items.clear()",
        "def pytest_collection_modifyitems(items): del items[0]",
        "def pytest_collection_modifyitems(config, items): config.hook.pytest_deselected(items=x)",
        "def load_tests(loader, tests, pattern): return unittest.TestSuite()",
    ),
    "a.test.js": ("it.only('x', () => {})", "fdescribe('x', () => {})"),
    "a_test.go": ("//go:build never\npackage a",),
}
INCLUDING = {
    "conftest.py": (
        "collect_ignore = []",
        "def pytest_collection_modifyitems(items): items.sort(key=str)",
        "def pytest_collection_modifyitems(items): items[:] = sorted(items, key=str)",
        "def pytest_collection_modifyitems(items):\n  for item in items:\n    item.add_marker(pytest.mark.slow)",
        "def load_tests(loader, tests, pattern):\n  tests.addTests(DocTestSuite(m))\n  return tests",
        "items[:] = []",
        "'collect_ignore = [1]'",
    ),
    "a.test.js": ("const only = 1; it('only', () => {})", "// it.only('x')", "benefit('x')"),
    "a_test.go": ("package a\n// go:generate x",),
}


@pytest.mark.parametrize(("path", "source"), [(p, s) for p, many in EXCLUDING.items() for s in many])
def test_what_leaves_out_tests_is_seen(path: str, source: str) -> None:
    assert counted(path, source).excluded.total() >= 1


@pytest.mark.parametrize(("path", "source"), [(p, s) for p, many in INCLUDING.items() for s in many])
def test_what_leaves_out_none_is_not(path: str, source: str) -> None:
    assert not counted(path, source).excluded


def test_absent_contents_hold_nothing() -> None:
    assert count("test_a.py", None) == count("a.test.js", None) == Counts()
