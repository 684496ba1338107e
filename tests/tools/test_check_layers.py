"""tools/check_layers.py finds includes that go upward or sideways."""

import check_layers
import pytest

TABLE = check_layers.read_table("base:\nengine: base\nop/core: base\nop: base op/core\nndarray: base engine\nc_api: base ndarray mixnet\n")


def violations(folder, path, text):
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return check_layers.violations(folder, TABLE)


def test_downward_includes_are_fine(tmp_path):
    assert violations(tmp_path, "ndarray/a.cc", '#include "engine/e.h"\n#include <vector>\n#include "ndarray/a.h"\n') == []
    assert violations(tmp_path, "c_api/a.cc", '#include "mixnet/c_api.h"\n') == []


def test_an_upward_include(tmp_path):
    found = violations(tmp_path, "engine/x.cc", '#include "ndarray/ndarray.h"\n#include "base/error.h"\n')
    assert found == ["engine/x.cc: engine may not include ndarray/ndarray.h"]


@pytest.mark.parametrize("line", ["#include <ndarray/ndarray.h>", '# include "ndarray/ndarray.h"', '  #include\t"ndarray/ndarray.h"'])
def test_every_way_to_write_it(tmp_path, line):
    assert violations(tmp_path, "engine/x.h", line + "\n") == ["engine/x.h: engine may not include ndarray/ndarray.h"]


@pytest.mark.parametrize("suffix", ["cc", "h", "c", "cpp", "hpp", "cu", "cuh"])
def test_every_kind_of_file(tmp_path, suffix):
    assert violations(tmp_path, f"base/x.{suffix}", '#include "engine/e.h"\n')


def test_another_operator_family(tmp_path):
    found = violations(tmp_path, "op/nn/y.cc", '#include "op/core/schema.h"\n#include "op/nn/y.h"\n#include "op/shape/z.h"\n')
    assert found == ["op/nn/y.cc: operator family nn may not include op/shape/z.h"]


def test_paths_that_hide_the_module(tmp_path):
    assert "by its path from src" in violations(tmp_path, "base/x.cc", '#include "../engine/e.h"\n')[0]
    assert "by its path from src" in violations(tmp_path, "base/x.cc", '#include "x.h"\n')[0]


def test_a_module_outside_the_table(tmp_path):
    assert violations(tmp_path, "tricks/x.cc", "") == ["tricks/x.cc: module tricks is not in layers.txt"]


def test_a_table_with_a_circle():
    with pytest.raises(SystemExit, match="engine must stand above it"):
        check_layers.read_table("base: engine\nengine: base\n")


def test_the_projects_own_table_reads():
    table = check_layers.read_table((check_layers.ROOT / "tools" / "layers.txt").read_text())
    assert table["base"] == {"base"} and "ndarray" not in table["engine"]
