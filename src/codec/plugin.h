// What the library asks of libjpeg and libpng, as one struct of C functions.
//
// What calls them is a small library of its own (codec/plugin, libmixnet_codec.so), built where there are their headers and opened at run time.
// Nothing here depends on jpeglib.h or png.h.
//
// Functions return 0 or a Fault, with a line of text. Files come as bytes whose header the caller has read (codec/file_header.h): extents are within
// limits. Any thread.
#pragma once
#include <cstdint>

namespace mixnet::codec {

enum Fault : int32_t {
  ok = 0,
  broken = 1,     // the file is not what it says, or ends early
  no_memory = 2,  // also: a callback gave nothing
};

constexpr int64_t text_size = 256;

// The picture as it is stored, not turned. The part [top, top + height) x [left, left + width) of the picture at eighths / 8 of its size, which is
// (ceil(extent * eighths / 8)), goes to `pixels` with rows of `stride` bytes. PNG: eighths is 8.
struct DecodeJob {
  const uint8_t* file;
  int64_t size;
  int64_t file_height, file_width;  // what the header says, in full size
  int64_t top, left, height, width;
  int32_t eighths;
  int32_t channels;  // 1, 3; PNG: 4 too
  uint8_t* pixels;
  int64_t stride;
};

struct EncodeJob {
  const uint8_t* pixels;
  int64_t height, width, channels, stride;
  int32_t level;  // JPEG: quality from 1 to 100, PNG: compression from 0 to 9
  // Takes more bytes of the file; 0, or anything else to give up. Must not throw.
  int32_t (*append)(void* to, const uint8_t* bytes, int64_t size);
  void* to;
};

struct Plugin {
  static constexpr int32_t current_version = 1;
  int32_t version;

  int32_t (*decode_jpeg)(const DecodeJob* job, char* text);
  int32_t (*decode_png)(const DecodeJob* job, char* text);
  int32_t (*encode_jpeg)(const EncodeJob* job, char* text);
  int32_t (*encode_png)(const EncodeJob* job, char* text);
};

// The one symbol that a plug-in exports: const mixnet::codec::Plugin* mixnet_codec_plugin(void).
constexpr const char* plugin_symbol = "mixnet_codec_plugin";

}  // namespace mixnet::codec
