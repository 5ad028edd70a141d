"""What no module of ours does with files that others wrote, read from the sources.

Whoever needs one of these: XML through defusedxml, members of archives only after a check of
their paths and sizes, and data as JSON, YAML or GeoTIFF instead of pickles.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.each_module import for_each, tree_of
from tests.test_layers import MODULES, imported

RUNS_WHAT_IT_READS = {"pickle", "_pickle", "dill", "cloudpickle", "marshal", "shelve", "joblib"}
RUNS_USER_FUNCTIONS = ("sitsflow.features.user_import", "compile")
"""The one place that runs code which it reads: the module that a configuration names."""
UNPACKS = {"tarfile", "zipimport"}
WRITES_ZIP = {"sitsflow.run.bug_report", "sitsflow.simulate.archive"}
READS_ZIP = {"sitsflow.products.files"}  # lists members, and reads one of them into memory
WRITES_XML = "sitsflow.simulate."
XML_THAT_WRITES = {"Element", "SubElement", "ElementTree", "indent", "register_namespace"}
CALLS = {
    "eval", "exec", "compile", "__import__", "execfile",
    "os.system", "os.popen", "os.execv", "runpy.run_path", "shutil.unpack_archive",
    "yaml.unsafe_load", "yaml.full_load", "yaml.load_all", "yaml.unsafe_load_all",
    "np.load", "numpy.load", "pd.read_pickle", "np.fromregex", "pd.eval", "ne.evaluate",
}  # fmt: skip
GENERATES_XML = {
    "xml.sax.saxutils", "xml.sax.saxutils.XMLGenerator",
    "xml.sax.xmlreader", "xml.sax.xmlreader.AttributesImpl",
}  # fmt: skip
"""A writer of XML piece by piece, and the mapping of attributes that it takes."""
YAML_LOADERS = {"_Loader", "SafeLoader", "yaml.SafeLoader", "CSafeLoader", "yaml.CSafeLoader"}


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def tops(module: str) -> set[str]:
    return {name.partition(".")[0] for name in imported(MODULES[module])}


def tree(module: str) -> ast.AST:
    return tree_of(MODULES[module])


@for_each(MODULES)
def test_nothing_is_unpickled_and_no_text_becomes_code(module: str) -> None:
    assert not tops(module) & RUNS_WHAT_IT_READS
    for name, call in calls(tree(module)):
        if (module, name) != RUNS_USER_FUNCTIONS:
            assert name not in CALLS, f"line {call.lineno}"
        options = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        assert "allow_pickle" not in options, f"line {call.lineno}"
        assert options.get("shell", "False") == "False", f"line {call.lineno}"
        if name == "yaml.load":
            loaders = {ast.unparse(one) for one in call.args[1:]} | {options.get("Loader")}
            assert loaders - {None} <= YAML_LOADERS, f"line {call.lineno}"


def test_the_loader_of_configurations_is_a_safe_one() -> None:
    from yaml import SafeLoader
    from yaml.constructor import UnsafeConstructor

    from sitsflow import yaml_text

    assert issubclass(yaml_text._Loader, SafeLoader)
    assert not issubclass(yaml_text._Loader, UnsafeConstructor)


@for_each(MODULES)
def test_xml_is_written_and_never_parsed(module: str) -> None:
    xml = {name for name in imported(MODULES[module]) if name.split(".")[0] in ("xml", "lxml")}
    if module == "sitsflow.io.vrt":
        xml -= GENERATES_XML
    assert xml <= {"xml.etree", "xml.etree.ElementTree"}, "its entities are not off: use defusedxml"
    assert not xml or module.startswith(WRITES_XML)
    used = {
        node.attr
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("Xml", "ElementTree")
    }
    assert used <= XML_THAT_WRITES


@for_each(MODULES)
def test_archives_are_written_and_never_unpacked(module: str) -> None:
    assert not tops(module) & UNPACKS
    assert "zipfile" not in tops(module) or module in WRITES_ZIP | READS_ZIP
    for name, call in calls(tree(module)):
        assert not name.endswith((".extract", ".extractall")), f"line {call.lineno}"
        if name.endswith("ZipFile") and module not in READS_ZIP:
            assert ast.unparse(call.args[1]) == "'w'", f"line {call.lineno}"


def test_these_tests_see_what_they_look_for(tmp_path: Path) -> None:
    module = tmp_path / "bad.py"
    module.write_text("import xml.sax\nfrom pickle import load\nyaml.load(x, Loader)\neval(y)\n")
    assert {"xml.sax", "pickle"} <= set(imported(module))
    assert {name for name, _ in calls(ast.parse(module.read_text()))} == {"yaml.load", "eval"}
