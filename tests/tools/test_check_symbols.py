"""tools/check_symbols.py finds exports without a declaration and objects that print or end the process."""

import subprocess

import check_symbols
import pytest

HEADER = "MXN_API int32_t mxn_f(int32_t a);\nMXN_API const char *mxn_g(void);\n"


def compiled(folder, text):
    """An object file, or with main a shared library's worth of names."""
    source = folder / "x.c"
    source.write_text(text)
    subprocess.run(["cc", "-c", "-fPIC", source, "-o", folder / "x.o"], check=True)
    return folder / "x.o"


def test_exports_and_header_agree():
    assert check_symbols.export_problems(HEADER, {"mxn_f", "mxn_g"}) == []


def test_an_export_without_a_declaration():
    assert check_symbols.export_problems(HEADER, {"mxn_f", "mxn_g", "helper"}) == ["exported, but not in the header: helper"]


def test_a_declaration_without_an_export():
    assert check_symbols.export_problems(HEADER, {"mxn_f"}) == ["in the header, but not exported: mxn_g"]


@pytest.mark.parametrize(
    "name,body",
    [
        ("printf", 'printf("%d", 1)'),
        ("puts", 'puts("x")'),
        ("stderr", 'fputs("x", stderr)'),
        ("abort", "abort()"),
        ("exit", "exit(1)"),
        ("raise", "raise(9)"),
    ],
)
def test_an_object_that_prints_or_ends_the_process(tmp_path, name, body):
    path = compiled(tmp_path, f"#include <signal.h>\n#include <stdio.h>\n#include <stdlib.h>\nvoid f(void) {{ {body}; }}\n")
    assert check_symbols.object_problems([path]) == [f"x.o uses {name}"]


def test_an_assertion(tmp_path):
    path = compiled(tmp_path, "#include <assert.h>\nvoid f(int a) { assert(a); }\n")
    assert check_symbols.object_problems([path]) == ["x.o uses __assert_fail"]


def test_a_quiet_object(tmp_path):
    path = compiled(tmp_path, '#include <stdio.h>\nvoid f(char *s) { snprintf(s, 4, "x"); }\n')
    assert check_symbols.object_problems([path]) == []


def test_a_build_folder_without_objects(tmp_path, monkeypatch):
    monkeypatch.setattr(check_symbols, "names", lambda *arguments: set())
    monkeypatch.setattr("sys.argv", ["check_symbols.py", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        check_symbols.main()
    assert ended.value.code == 1
