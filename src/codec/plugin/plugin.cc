// What libmixnet_codec.so exports.
#include "codec/plugin/functions.h"

extern "C" __attribute__((visibility("default"))) const mixnet::codec::Plugin* mixnet_codec_plugin(void) {
  using namespace mixnet::codec;
  static const Plugin plugin{Plugin::current_version, decode_jpeg, decode_png, encode_jpeg, encode_png};
  return &plugin;
}
