// Where bytes are read from: something with a size that can be read at any place, by any thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace mixnet {

class Source {
 public:
  virtual ~Source() = default;
  // For messages.
  virtual const std::string& name() const = 0;
  virtual int64_t size() const = 0;
  // Fills the buffer from `offset` on, as far as the source goes; how many bytes there were. Throws Code::io; what is on another machine Code::net, after
  // it has tried again for MIXNET_IO_TIMEOUT_S seconds.
  virtual size_t read_at(int64_t offset, void* buffer, size_t bytes) const = 0;
  // For whoever is about to let it go: reads under way, of any thread, end soon, by an error, and later ones fail. What never waits long does nothing.
  virtual void stop() const {}
};

// A path, file://, http://, https://, s3://bucket/key, or of a scheme that the program has registered (io/source_schemes). Throws Code::io, net,
// unsupported for a scheme nobody knows.
std::shared_ptr<const Source> open_source(const std::string& uri);

std::shared_ptr<const Source> open_file(const std::string& path);
// A copy of the bytes.
std::shared_ptr<const Source> make_memory_source(std::string name, const void* data, size_t bytes);

}  // namespace mixnet
