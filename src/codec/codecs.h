// The plug-in with libjpeg and libpng (codec/plugin.h), opened when it is first asked for.
//
// It is libmixnet_codec.so beside the library, or what MIXNET_CODEC_PLUGIN names.
#pragma once
#include "codec/plugin.h"

namespace mixnet::codec {

// Throws Code::unsupported when there is none, saying what to install.
const Plugin& codecs();

// Throws for a fault: "[image] JPEG: text".
void check(int32_t fault, const char* format, const char* text);

}  // namespace mixnet::codec
