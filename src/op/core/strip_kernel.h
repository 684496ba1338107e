// The kernel of a chain that runs in strips (op/core/strips.h).
#pragma once
#include "op/core/strip_schedule.h"
#include "op/core/strips.h"

namespace mixnet {

// A tensor as `runs` blocks of rows one after the other, each row `row` bytes.
struct RowForm {
  int64_t runs = 0, row = 0;
  int64_t bytes(int64_t rows) const { return runs * rows * row; }
};

class StripKernel : public Kernel {
 public:
  // `inputs` counts each member's other inputs; shapes and dtypes are those between the members, for one image, the chain's input first.
  StripKernel(const std::vector<StripMember>& members, std::vector<Shape> shapes, std::vector<DType> dtypes,
              int64_t height, const PrepareContext& context);

  size_t workspace() const override;
  bool foreign_threads() const override;
  bool reads_input(int i) const override;
  LayoutPtr input_layout(int i) const override;
  LayoutPtr output_layout(int i) const override;
  void adopt_input(int i) override;
  void adopt_output(int i) override;
  void pack_input(int i, const void* plain, void* packed) const override;
  void run(const RunContext& r) const override;

 private:
  // A member's kernel for strips of one size and place.
  struct Variant {
    StripStep step;
    RowPart part;
    std::unique_ptr<Kernel> kernel;
    TensorView in, out;
  };
  struct Member {
    StripMember op;
    bool pointwise = false;
    size_t first_input = 0, num_inputs = 0;  // those but the first, among the chain's
    std::vector<TensorView> others;
    std::vector<Variant> variants;
    std::vector<size_t> variant_of;  // by strip
  };
  // Where the rows of a value lie: which are there, and since when.
  struct Held {
    int64_t first = 0, last = 0;
  };

  void find_variants();
  void choose_layouts(const LayoutPtr& offered);
  bool prepare_all(const LayoutPtr& offered);
  void prepare_member(Member& member, const LayoutPtr& kind);
  bool takes(const Member& member, const LayoutPtr& kind) const;
  LayoutPtr result_kind(const Member& member, size_t m) const;
  void book();
  RowForm form(size_t value) const;
  std::pair<const Member*, int> owner(int i) const;

  void run_image(const RunContext& r, char* in, char* out) const;
  void run_step(const RunContext& r, size_t strip, size_t m, char* in, char* out) const;
  char* input_rows(size_t m, const StripStep& step, char* in, char* space) const;

  const DeviceId device_;
  const bool training_;
  const int64_t images_;
  std::vector<Shape> shapes_;  // by value: the chain's input, then each member's result
  std::vector<DType> dtypes_;  // by value
  StripSchedule schedule_;
  std::vector<Member> members_;
  std::vector<LayoutPtr> kinds_;  // by value, for one whole image; null: row-major
  std::vector<bool> refused_;     // by value
  bool output_adopted_ = false;
  std::vector<RowForm> forms_;      // by value
  std::vector<size_t> buffers_;     // by value: its rows' place in workspace
  size_t aside_ = 0, kernels_ = 0;  // places in workspace: a result that is then taken apart, the kernels' own
};

}  // namespace mixnet
