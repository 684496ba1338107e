// cuDNN 9 by its backend functions, opened when it is first needed: MIXNET_CUDNN names the library, 0 does without. Numbers and
// signatures are cuDNN's.
//
// What is built of it are descriptors: made of a kind, given attributes, finalised, and from then on the same for ever.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace mixnet::gpu::cudnn {

enum class Kind : int {
  pointwise = 0,
  convolution = 1,
  engine = 2,
  engine_config = 3,
  heuristics = 4,
  plan = 5,
  knob_choice = 7,
  convolve_forward = 10,
  convolve_weight = 11,
  convolve_data = 12,
  pointwise_operation = 13,
  graph = 15,
  variant_pack = 16,
  tensor = 17,
  product = 18,
  product_operation = 19,
  reduction = 21,
  reduction_operation = 22,
  reshape_operation = 31,
};

enum class Name : int {
  pointwise_mode = 0,
  pointwise_precision = 1,
  pointwise_nan = 2,
  relu_most = 4,
  pointwise_axis = 9,
  convolution_compute = 100,
  convolution_mode = 101,
  convolution_dilations = 102,
  convolution_strides = 103,
  convolution_pads_after = 104,
  convolution_pads_before = 105,
  convolution_dims = 106,
  heuristics_mode = 200,
  heuristics_graph = 201,
  heuristics_results = 202,
  config_engine = 300,
  config_knobs = 302,
  plan_handle = 400,
  plan_config = 401,
  plan_workspace = 402,
  knob_type = 600,
  knob_value = 601,
  forward_alpha = 700,
  forward_beta = 701,
  forward_convolution = 702,
  forward_w = 703,
  forward_x = 704,
  forward_y = 705,
  data_alpha = 706,
  data_beta = 707,
  data_convolution = 708,
  data_w = 709,
  data_dx = 710,
  data_dy = 711,
  weight_alpha = 712,
  weight_beta = 713,
  weight_convolution = 714,
  weight_dw = 715,
  weight_x = 716,
  weight_dy = 717,
  operation_pointwise = 750,
  operation_x = 751,
  operation_b = 752,
  operation_y = 753,
  operation_choice = 758,
  graph_handle = 800,
  graph_operations = 801,
  tensor_alignment = 900,
  tensor_dtype = 901,
  tensor_extents = 902,
  tensor_strides = 903,
  tensor_id = 906,
  tensor_is_virtual = 907,
  tensor_by_value = 908,
  pack_ids = 1000,
  pack_pointers = 1001,
  pack_workspace = 1003,
  engine_graph = 1300,
  engine_index = 1301,
  engine_notes = 1303,
  product_compute = 1500,
  product_a = 1520,
  product_b = 1521,
  product_c = 1522,
  product_function = 1523,
  reduction_mode = 1600,
  reduction_compute = 1601,
  reduction_x = 1610,
  reduction_y = 1611,
  reduction_function = 1612,
  reshape_x = 2200,
  reshape_y = 2201,
};

enum class Type : int {
  handle = 0,
  dtype = 1,
  boolean = 2,
  int64 = 3,
  float32 = 4,
  float64 = 5,
  pointer = 6,
  convolution_mode = 7,
  heuristics_mode = 8,
  knob_type = 9,
  nan_propagation = 10,
  note = 11,
  pointwise_mode = 14,
  descriptor = 15,
  reduction_mode = 18,
};

// Values of attributes.
enum Number : int {
  data_float = 0,
  data_double = 1,
  data_half = 2,
  data_bfloat16 = 9,
  cross_correlation = 1,
  data_boolean = 11,
  reduce_add = 0,
  reduce_greatest = 3,
  pointwise_add = 0,
  pointwise_multiply = 1,
  pointwise_divide = 6,
  pointwise_subtract = 9,
  pointwise_exp = 13,
  pointwise_log = 15,
  pointwise_at_least = 303,
  pointwise_index = 501,
  pointwise_choose = 601,
  pointwise_relu = 100,
  pointwise_tanh = 101,
  pointwise_sigmoid = 102,
  propagate_nan = 1,
  by_model = 1,     // heuristics: mode B, the better and slower one
  by_fallback = 2,  // the engines that can do most
  by_rule = 3,      // mode A
  note_tensor_core = 0,
  note_down_convert = 1,
  note_reduced_precision = 2,
  note_nondeterministic = 4,
};

struct Functions {
  size_t (*version)();
  const char* (*error_string)(int status);
  void (*last_error)(char* text, size_t room);
  int (*create)(void** handle);
  int (*set_stream)(void* handle, void* stream);
  int (*make)(int kind, void** descriptor);
  int (*destroy)(void* descriptor);
  int (*finalize)(void* descriptor);
  int (*set)(void* descriptor, int name, int type, int64_t count, const void* values);
  int (*get)(void* descriptor, int name, int type, int64_t room, int64_t* count, void* values);
  int (*execute)(void* handle, void* plan, void* pack);
};

// Null where there is none, or it was turned off. Throws Code::unsupported where MIXNET_CUDNN names none.
const Functions* functions();
// For tests: MIXNET_CUDNN is read anew. Plans of the library before stay usable.
void reopen();

// Throws "[gpu] cuDNN, what: its name of the status (what else it says)" unless the status is 0: Code::unsupported for what it says it does not support, else Code::device.
void check(const Functions& cudnn, int status, const char* what);

class Descriptor {
 public:
  Descriptor(const Functions& cudnn, Kind kind);
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor();

  void set(Name name, Type type, int64_t count, const void* values);
  void set(Name name, Type type, int value) { set(name, type, 1, &value); }
  void set(Name name, int64_t value) { set(name, Type::int64, 1, &value); }
  void set(Name name, const std::vector<int64_t>& values);
  void set(Name name, const Descriptor& value) { set(name, Type::descriptor, 1, &value.it_); }
  void set(Name name, const std::vector<const Descriptor*>& values);
  void set_pointer(Name name, Type type, void* value) { set(name, type, 1, &value); }
  void finalize();

  int64_t number(Name name) const;
  int word(Name name, Type type) const;
  // At most `room` of them.
  std::vector<int> words(Name name, Type type, int64_t room) const;
  // The first `room` of the descriptors that this one has, of a kind.
  std::vector<Descriptor> parts(Name name, Kind kind, int64_t room) const;

  void* raw() const { return it_; }

 private:
  int64_t get(Name name, Type type, int64_t room, void* values) const;

  const Functions& cudnn_;
  const Kind kind_;
  void* it_ = nullptr;
};

}  // namespace mixnet::gpu::cudnn
