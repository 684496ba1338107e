#include "kvstore/mpi/transfer.h"

#include "kvstore/mpi/wire.h"

namespace mixnet::mpi {
namespace {

char* at(const NDArray& array, int64_t element) {
  return static_cast<char*>(array.view().data) + element * dtype_size(array.dtype());
}

}  // namespace

void Transfer::run(const std::vector<Reduction>& sums) {
  std::vector<Item> items;
  missing_.clear();
  for (const Reduction& sum : sums) {
    items.push_back({sum.target.size(), wire_type(sum.target.dtype(), "kvstore push")});
    missing_.push_back(sum.target.size());
    if (sum.target.size() == 0) sum.completion->end();
  }
  UnderWay last;
  size_t turn = 0;
  const std::vector<Batch> batches = plan_batches(items);
  for (const Batch& batch : batches) {
    const UnderWay next = begin(sums, batch, turn++ % 2);
    if (last.batch) finish(sums, last);
    last = next;
  }
  if (last.batch) finish(sums, last);
}

Transfer::UnderWay Transfer::begin(const std::vector<Reduction>& sums, const Batch& batch, size_t turn) {
  const Part& part = batch.parts.front();
  const Reduction& sum = sums[part.item];
  if (batch.parts.size() == 1 && sum.sources.size() == 1 && travels_as_is(sum.target.dtype(), batch.type)) {
    const char* from = at(sum.sources.front(), part.first);
    return {&batch, link_.reduce(from, at(sum.target, part.first), part.count, batch.type, Operation::sum), nullptr};
  }
  char* const staged = staging(turn);
  char* to = staged;
  for (const Part& p : batch.parts) {
    pack(sums[p.item].sources, p.first, p.count, to);
    to += p.count * wire_size(batch.type);
  }
  return {&batch, link_.reduce(staged, staged, batch.count, batch.type, Operation::sum), staged};
}

void Transfer::finish(const std::vector<Reduction>& sums, const UnderWay& one) {
  const Batch& batch = *one.batch;
  link_.finish(one.request, batch.count * wire_size(batch.type), [&] {
    const std::string more = batch.parts.size() > 1 ? concat(" and ", batch.parts.size() - 1, " others") : "";
    return "the sum of key " + sums[batch.parts.front().item].key + more;
  });
  const char* from = one.staged;
  for (const Part& part : batch.parts) {
    const Reduction& sum = sums[part.item];
    if (from) unpack(from, sum.target, part.first, part.count), from += part.count * wire_size(batch.type);
    if ((missing_[part.item] -= part.count) == 0) sum.completion->end();
  }
}

char* Transfer::staging(size_t turn) {
  if (!staging_[turn]) staging_[turn] = std::make_unique<char[]>(batch_bytes);
  return staging_[turn].get();
}

}  // namespace mixnet::mpi
