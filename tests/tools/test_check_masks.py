"""tools/check_masks.py finds loads that a compiler gave the mask of another part."""

import check_masks

WRONG = """
0000000000000020 <sum>:
  20:\tvcmpleps %ymm5,%ymm6,%ymm0
  25:\tvmaskmovps (%rdi,%rax,1),%ymm0,%ymm1
  2b:\tvmaskmovps 0x20(%rdi,%rax,1),%ymm0,%ymm2
"""


def found(text):
    return len(check_masks.suspects(text.splitlines()))


def test_one_mask_for_two_parts():
    assert found(WRONG) == 1
    assert found(WRONG.replace("vmaskmovps", "vpmaskmovd")) == 1


def test_a_mask_of_its_own_for_each_part():
    assert found(WRONG.replace("  2b:", "  2a:\tvcmpleps %ymm5,%ymm7,%ymm0\n  2b:")) == 0
    assert found(WRONG.replace("0x20(%rdi,%rax,1),%ymm0", "0x20(%rdi,%rax,1),%ymm3")) == 0


def test_two_arrays_with_one_mask():
    assert found(WRONG.replace("0x20(%rdi", "0x20(%rsi")) == 0


def test_a_place_that_has_moved_and_another_function():
    assert found(WRONG.replace("  2b:", "  2a:\tadd $0x40,%rax\n  2b:")) == 0
    assert found(WRONG.replace("  2b:", "000000000000002a <other>:\n  2b:")) == 0


def test_stores_are_not_loads():
    assert found(WRONG.replace("0x20(%rdi,%rax,1),%ymm0,%ymm2", "%ymm2,%ymm0,0x20(%rdi,%rax,1)")) == 0
