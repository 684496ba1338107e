// The functions of the plug-in, each in a file of its own.
//
// libjpeg and libpng report errors by longjmp: what happens between setjmp and there has no destructors, and what must be freed lies outside.
#pragma once
#include "codec/plugin.h"

namespace mixnet::codec {

int32_t decode_jpeg(const DecodeJob* job, char* text);
int32_t decode_png(const DecodeJob* job, char* text);
int32_t encode_jpeg(const EncodeJob* job, char* text);
int32_t encode_png(const EncodeJob* job, char* text);

}  // namespace mixnet::codec
