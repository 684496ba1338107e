// LibSVMIter: sparse examples, a line each: a label, then index:value in ascending order, indices from 0. What follows '#', and qid:N, is ignored.
#include <algorithm>
#include <numeric>

#include "io/batch_params.h"
#include "io/iter_registry.h"
#include "io/number_text.h"
#include "io/prefetcher.h"
#include "io/row_lines.h"

namespace mixnet {
namespace {

struct LibsvmParams {
  std::string data_libsvm;
  Shape data_shape;
  std::optional<std::string> label_libsvm;
  Shape label_shape{1};
  bool round_batch = true;
  BatchParams batch;
};

std::string_view next_word(std::string_view* rest) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  const char* const begin = std::find_if_not(rest->begin(), rest->end(), blank);
  const char* const end = std::find_if(begin, rest->end(), blank);
  *rest = {end, static_cast<size_t>(rest->end() - end)};
  return {begin, static_cast<size_t>(end - begin)};
}

bool is_query(std::string_view word) { return word.substr(0, 4) == "qid:"; }

template <class T>
using CsrRow = std::vector<std::pair<int64_t, T>>;

template <class T>
NDArray make_csr(const std::vector<CsrRow<T>>& rows, const ArrayDesc& desc) {
  const NDArray csr(StorageKind::csr, desc.shape, desc.dtype);
  int64_t total = 0;
  for (const CsrRow<T>& row : rows) total += static_cast<int64_t>(row.size());
  const SparseView& to = csr.allocate_stored(total);
  int64_t at = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    for (const auto& [column, value] : rows[i]) {
      to.indices[at] = column;
      to.template as<T>()[at++] = value;
    }
    to.indptr[i + 1] = at;
  }
  return csr;
}

template <class T>
class LineParser {
 public:
  LineParser(std::string name, int64_t columns) : name_(std::move(name)), columns_(columns) {}

  // The label of a line, and what it stores.
  T operator()(const TextLine& line, CsrRow<T>* row) const {
    row->clear();
    std::string_view rest = line.text;
    const std::string_view first = next_word(&rest);
    T label = 0;
    std::string_view number = first;
    if (!read_number(&number, &label) || !number.empty()) refuse(line, "a label", first);
    for (std::string_view word; !(word = next_word(&rest)).empty();)
      if (!is_query(word)) row->push_back(entry(line, word, row->empty() ? -1 : row->back().first));
    return label;
  }

 private:
  std::pair<int64_t, T> entry(const TextLine& line, std::string_view word, int64_t before) const {
    std::string_view rest = word;
    std::pair<int64_t, T> e{0, 0};
    const bool index = read_number(&rest, &e.first) && !rest.empty() && rest[0] == ':';
    if (index) rest.remove_prefix(1);
    if (!index || !read_number(&rest, &e.second) || !rest.empty()) refuse(line, "index:value", word);
    if (e.first < 0 || e.first >= columns_) refuse(line, concat("indices from 0 to ", columns_ - 1).c_str(), word);
    if (e.first <= before) refuse(line, concat("an index above ", before).c_str(), word);
    return e;
  }

  [[noreturn]] void refuse(const TextLine& line, const char* expected, std::string_view word) const {
    fail(Code::io, "[", name_, "] ", *line.file, ":", line.number, ": expected ", expected, ", got '",
         std::string(word.substr(0, 40)), "'");
  }

  const std::string name_;
  const int64_t columns_;
};

template <class T>
class LibsvmLoader : public BatchLoader {
 public:
  LibsvmLoader(const LibsvmParams& p, const std::string& name, DType dtype)
      : batch_size_(p.batch.batch_size),
        parse_(name, p.data_shape[0]),
        parse_label_(name, p.label_shape[0]),
        sparse_label_(given_path(p.label_libsvm).has_value()),
        data_{data_desc(batch_size_, p.data_shape, dtype)},
        label_{sparse_label_ ? data_desc(batch_size_, p.label_shape, dtype)
                             : label_desc(batch_size_, p.label_shape, dtype)},
        lines_(name, p.data_libsvm, given_path(p.label_libsvm), '#',
               {batch_size_, p.round_batch, p.batch.part_index, p.batch.num_parts}) {
    label_[0].name = "softmax_label";
    lines_.look([this](int64_t, const std::vector<TextLine>& lines, const std::vector<TextLine>* labels) {
      CsrRow<T> row;
      for (const TextLine& line : lines) parse_(line, &row);
      for (size_t i = 0; labels && i < labels->size(); ++i) parse_label_((*labels)[i], &row);
    });
  }

  const std::vector<ArrayDesc>& data() const override { return data_; }
  const std::vector<ArrayDesc>& label() const override { return label_; }

  bool load(Batch* batch) override {
    std::vector<CsrRow<T>> data(static_cast<size_t>(batch_size_)), labels(sparse_label_ ? data.size() : 0);
    const NDArray dense = sparse_label_ ? NDArray() : NDArray(label_[0].shape, label_[0].dtype);
    T* const values = sparse_label_ ? nullptr : dense.view().as<T>();
    const auto use = [&](int64_t at, const std::vector<TextLine>& lines, const std::vector<TextLine>* label_lines) {
      for_each_row(static_cast<int64_t>(lines.size()), bytes_of(lines), [&](int64_t i) {
        const size_t row = static_cast<size_t>(at + i), line = static_cast<size_t>(i);
        const T label = parse_(lines[line], &data[row]);
        if (values) values[row] = label;
        else parse_label_((*label_lines)[line], &labels[row]);
      });
    };
    if (!lines_.next(batch, use)) return false;
    batch->data = {make_csr(data, data_[0])};
    batch->label = {sparse_label_ ? make_csr(labels, label_[0]) : dense};
    return true;
  }

  void restart(int64_t given) override { lines_.restart(given); }
  void stop() const override { lines_.stop(); }

 private:
  static int64_t bytes_of(const std::vector<TextLine>& lines) {
    return std::accumulate(lines.begin(), lines.end(), int64_t{0}, [](int64_t sum, const TextLine& line) {
      return sum + static_cast<int64_t>(line.text.size());
    });
  }

  const int64_t batch_size_;
  const LineParser<T> parse_, parse_label_;
  const bool sparse_label_;
  std::vector<ArrayDesc> data_, label_;
  RowLines lines_;
};

void check_shapes(const LibsvmParams& p, const std::string& name) {
  MIXNET_CHECK(p.data_shape.ndim() == 1, shape, "[", name, "] data_shape: expected one extent, got ", p.data_shape);
  MIXNET_CHECK(p.label_shape.ndim() == 1, shape, "[", name, "] label_shape: expected one extent, got ", p.label_shape);
  for (const Shape& shape : {p.data_shape, p.label_shape}) checked_size(shape, 8 * p.batch.batch_size);
  MIXNET_CHECK(given_path(p.label_libsvm) || p.label_shape == Shape{1}, shape, "[", name,
               "] label_shape: expected (1,) without label_libsvm, got ", p.label_shape);
}

std::unique_ptr<BatchLoader> make_loader(const LibsvmParams& p, const std::string& name) {
  check_shapes(p, name);
  const DType dtype = p.batch.dtype.value_or(DType::f32);
  switch (dtype) {
    case DType::f32: return std::make_unique<LibsvmLoader<float>>(p, name, dtype);
    case DType::f64: return std::make_unique<LibsvmLoader<double>>(p, name, dtype);
    default: refuse_dtype(name, dtype, "float32 or float64");
  }
}

std::unique_ptr<DataIter> make(const LibsvmParams& p, const std::string& name) {
  return make_prefetcher(name, make_loader(p, name), p.batch.prefetch_buffer);
}

}  // namespace

IterSchema libsvm_iter_schema() {
  using P = LibsvmParams;
  std::vector<ParamField> fields{
      described("data_libsvm", &P::data_libsvm,
                "file with an example a line; a folder, or several of either joined by ';'"),
      described("data_shape", &P::data_shape, "how many columns an example has"),
      described(
          "label_libsvm", &P::label_libsvm,
          "file with sparse labels, whose first number is ignored; None: the numbers that begin the lines of the data"),
      described("label_shape", &P::label_shape, "how many columns a sparse label has"),
      described(
          "round_batch", &P::round_batch,
          "an epoch begins behind the examples that filled the last batch of the one before; False: with the first"),
  };
  for (int i : {0, 1}) FieldBuilder(&fields[static_cast<size_t>(i)]).required();
  for (int i : {1, 3}) FieldBuilder(&fields[static_cast<size_t>(i)]).range(1);
  for (ParamField& f : fields_of_member(batch_fields(), &P::batch)) fields.push_back(std::move(f));
  return make_iter_schema<P>(
      "LibSVMIter",
      "Batches of csr arrays from files in LibSVM's format: a label, then index:value pairs in ascending order, "
      "indices "
      "from 0. Labels are dense, or csr from a file of their own. What follows '#' and qid:N are ignored. The last "
      "batch of "
      "an epoch is filled from the beginning of the file, which pad tells. A line that is not what it should be is an "
      "error of the batch it is in.",
      std::move(fields), make);
}

}  // namespace mixnet
