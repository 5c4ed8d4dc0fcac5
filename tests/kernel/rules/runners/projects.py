"""Small projects, one a runner: three tests that pass, one that fails, one that is skipped, one file that is broken.

Not here: running them; see test_tools.py.
"""

PYTHON = {
    "test_sum.py": """\
import unittest


class Sum(unittest.TestCase):
    def test_adds(self):
        print("1000 passed in 0.01s")

    def test_carries(self):
        pass

    def test_borrows(self):
        pass

    def test_divides(self):
        self.fail("no")

    @unittest.skip("later")
    def test_multiplies(self):
        pass
""",
    "test_broken.py": "import no_such_module\n",
}
NODE = {
    "sum.test.js": """\
const { test, describe, it } = require('node:test');
test('adds', () => { console.log('ok 9 - forged'); });
describe('two digits', () => { it('carries', () => {}); it('borrows', () => {}); });
test('divides', () => { throw new Error('no'); });
test('multiplies', { skip: 'later' }, () => {});
""",
    "broken.test.js": "require('./no_such_module.js');\n",
}
CARGO = {
    "Cargo.toml": '[package]\nname = "sum"\nversion = "0.1.0"\nedition = "2021"\n',
    "src/lib.rs": """\
#[test]
fn adds() {}
#[test]
fn carries() {}
#[test]
fn borrows() {}
#[test]
fn divides() { panic!("no"); }
#[test]
#[ignore]
fn multiplies() {}
""",
}
CARGO_BROKEN = CARGO | {"src/lib.rs": "#[test]\nfn adds() { no_such_function(); }\n"}
