"""tools/check_abi.py finds removed, changed and undocumented functions, and never forgets a recorded one."""

import check_abi
import pytest

TAGS = "@own none @threads any @blocks no @since 0.1"
F = f"/** Text. {TAGS} */\nMXN_API int32_t mxn_f(int32_t a);\n"
G = f"/** Text. {TAGS} */\nMXN_API void mxn_g(\n    void);\n"
SIGNATURES = ["int32_t mxn_f(int32_t a)", "void mxn_g( void)"]


def run(tmp_path, monkeypatch, header, records, *arguments):
    """(exit code, {file: lines}) of the program on a header and {version: signatures}."""
    folder = tmp_path / "abi"
    folder.mkdir(exist_ok=True)
    (tmp_path / "c_api.h").write_text(header)
    for version, lines in records.items():
        (folder / f"{version}.txt").write_text("".join(line + "\n" for line in lines))
    monkeypatch.setattr(check_abi, "HEADERS", [tmp_path / "c_api.h"])
    monkeypatch.setattr(check_abi, "RECORDS", folder)
    monkeypatch.setattr("sys.argv", ["check_abi.py", *arguments])
    with pytest.raises(SystemExit) as ended:
        check_abi.main()
    return int(ended.value.code), {path.stem: path.read_text().splitlines() for path in folder.iterdir()}


def test_a_good_header():
    assert check_abi.problems(F + G, SIGNATURES) == []


def test_a_changed_signature():
    found = check_abi.problems(F, ["int32_t mxn_f(int64_t a)"])
    assert "removed or changed: int32_t mxn_f(int64_t a)" in found
    assert any("not recorded" in sentence for sentence in found)


@pytest.mark.parametrize("tag", check_abi.TAGS)
def test_a_missing_or_empty_tag(tag):
    value = TAGS.split(tag)[1].split()[0]
    assert check_abi.problems(F.replace(f"{tag} {value} ", "", 1).replace(f"{tag} {value}", ""), SIGNATURES[:1]) == [f"int32_t mxn_f: {tag} is missing"]
    assert check_abi.problems(F.replace(f"{tag} {value}", tag + " "), SIGNATURES[:1])


def test_a_function_that_borrows_the_comment_before_it():
    found = check_abi.problems(F + "MXN_API void mxn_g(void);\n", ["int32_t mxn_f(int32_t a)", "void mxn_g(void)"])
    assert found == ["void mxn_g: has no comment"]


def test_a_function_that_is_not_exported():
    assert check_abi.problems(F + "void mxn_h(void);\n", SIGNATURES[:1]) == ["mxn_h: is declared without MXN_API"]
    assert check_abi.problems(F + "typedef void (*mxn_h_fn)(void *user);\n", SIGNATURES[:1]) == []


def test_too_many_functions():
    header = "".join(F.replace("mxn_f", f"mxn_f{i}") for i in range(check_abi.MOST + 1))
    assert any("expected at most" in s for s in check_abi.problems(header, [s for _, s in check_abi.functions(header)]))


def test_update_records_new_functions(tmp_path, monkeypatch):
    code, records = run(tmp_path, monkeypatch, F + G, {"0.1.0": SIGNATURES[:1], "0.2.0": []}, "--update")
    assert code == 0 and records == {"0.1.0": SIGNATURES[:1], "0.2.0": SIGNATURES[1:]}


def test_update_refuses_to_forget(tmp_path, monkeypatch, capsys):
    before = {"0.1.0": SIGNATURES}
    code, records = run(tmp_path, monkeypatch, F, before, "--update")
    assert code == 1 and records == before
    assert "removed or changed: void mxn_g( void)" in capsys.readouterr().out


def test_every_record_still_holds(tmp_path, monkeypatch):
    records = {"0.9.0": SIGNATURES[1:], "0.10.0": SIGNATURES[:1]}
    assert run(tmp_path, monkeypatch, F + G, records)[0] == 0
    assert run(tmp_path, monkeypatch, F, records)[0] == 1
