"""tools/kernel_report.py reads what cuobjdump says of kernels."""

import kernel_report
import pytest

USAGE = """
Fatbin elf code:
 Function _ZN6mixnet3mapEv:
  REG:30 STACK:0 SHARED:512 LOCAL:0 CONSTANT[0]:560 TEXTURE:0 SURFACE:0 SAMPLER:0
 Function plain:
  REG:12 STACK:40 SHARED:0 LOCAL:0 CONSTANT[0]:560
"""
CODE = """
		Function : _ZN6mixnet3mapEv
	.headerflags	@"EF_CUDA_SM90"
        /*0000*/                   LDC R1, c[0x0][0x28] ;                /* 0x00000a00ff017b82 */
                                                                          /* 0x000e220000000800 */
        /*0010*/              @!P0 LDG.E.128 R4, desc[UR4][R2.64] ;
        /*0020*/                   LDG.E.U16.CONSTANT R8, desc[UR4][R2.64] ;
        /*0030*/               @P1 STG.E.64 desc[UR4][R2.64], R4 ;
        /*0040*/                   CALL.REL.NOINC 0x1230 ;
        /*0050*/                   NOP ;
		Function : plain
        /*0000*/                   LDG.E R4, desc[UR4][R2.64] ;
        /*0010*/                   STG.E.U8 desc[UR4][R2.64], R4 ;
        /*0020*/                   EXIT ;
"""


@pytest.fixture
def found():
    return list(kernel_report.kernels(CODE.splitlines(), kernel_report.resources(USAGE)))


def test_what_a_kernel_does_is_read_off_its_code(found):
    wide, narrow = found
    assert wide == kernel_report.Kernel("_ZN6mixnet3mapEv", registers=30, stack=0, shared=512, instructions=5, load=16, store=8, calls=1)
    assert narrow == kernel_report.Kernel("plain", registers=12, stack=40, shared=0, instructions=3, load=4, store=1, calls=0)


def test_the_report_chooses_and_counts(found):
    lines = kernel_report.report(found, [], narrow=False)
    assert len(lines) == 4 and lines[-1] == "2 kernels, 1 with accesses of 16 bytes, 1 with a stack, at most 30 registers"
    only = kernel_report.report(found, [], narrow=True)
    assert len(only) == 3 and only[1].endswith("  plain")
    assert kernel_report.report(found, ["map"], narrow=False)[-1].startswith("1 kernels")


def test_names_are_those_of_the_source():
    assert kernel_report.plain(["_ZN6mixnet3mapEv", "plain"]) == ["map", "plain"]


@pytest.mark.parametrize("there", (False, True))
def test_what_is_missing_is_named(monkeypatch, capsys, tmp_path, there):
    monkeypatch.setattr(kernel_report.cuda_tool, "find", lambda name: "/bin/true" if there else None)
    assert kernel_report.main([str(tmp_path / "none.so")]) == 1
    said = capsys.readouterr().out
    assert ("none.so (python tools/build.py cuda)" if there else "pip install nvidia-cuda-cuobjdump") in said and said.count("\n") == 1
