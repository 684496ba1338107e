#include "op/core/gpu/cudnn_handle.h"

#include "device/library.h"

namespace mixnet::gpu::cudnn {

Handle::Handle(const Functions& f, int index) : cudnn(f), device(gpu_device(index)), stream(*device.stream()) {
  native_stream_ = library_stream(stream);
  check(cudnn, cudnn.create(&native_), "a handle (MIXNET_CUDNN=0 does without)");
  check(cudnn, cudnn.set_stream(native_, native_stream_), "a handle's stream");
}

void Handle::use(Stream& now) {
  void* const its = library_stream(now);
  if (its == native_stream_) return;
  check(cudnn, cudnn.set_stream(native_, its), "a handle's stream");
  native_stream_ = its;
}

Execution::Execution(Handle& handle, const Descriptor& config) : handle_(handle), it_(handle.cudnn, Kind::plan) {
  it_.set_pointer(Name::plan_handle, Type::handle, handle.native());
  it_.set(Name::plan_config, config);
  it_.finalize();
  workspace_ = static_cast<size_t>(it_.number(Name::plan_workspace));
}

void Execution::run(Stream& stream, Span<const int64_t> ids, Span<const void* const> addresses, void* workspace,
                    const char* what) const {
  handle_.use(stream);
  Descriptor pack(handle_.cudnn, Kind::variant_pack);
  pack.set(Name::pack_ids, Type::int64, static_cast<int64_t>(ids.size()), ids.data());
  pack.set(Name::pack_pointers, Type::pointer, static_cast<int64_t>(addresses.size()), addresses.data());
  pack.set_pointer(Name::pack_workspace, Type::pointer, workspace);
  pack.finalize();
  check(handle_.cudnn, handle_.cudnn.execute(handle_.native(), it_.raw(), pack.raw()), what);
}

}  // namespace mixnet::gpu::cudnn
