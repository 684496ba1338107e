/* Numbers of R (double, integer, logical, raw) as elements of the library's dtypes, and back. float16 is converted by the library:
 * only bfloat16 and the ordinary types are known here. */
#include "mixnet_r.h"

int64_t mixnet_dtype_size(int32_t dtype) {
  switch (dtype) {
    case MXN_FLOAT64:
    case MXN_INT64: return 8;
    case MXN_FLOAT32:
    case MXN_INT32: return 4;
    case MXN_BFLOAT16: return 2;
    case MXN_UINT8:
    case MXN_INT8:
    case MXN_BOOL: return 1;
    default: Rf_error("[mixnet] dtype: expected one that R can hold, got code %d", dtype);
  }
}

static uint16_t to_bfloat16(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(bits >> 16 | 0x40u);
  return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

static float from_bfloat16(uint16_t half) {
  const uint32_t bits = (uint32_t)half << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static int64_t to_integer(double value) {
  if (!(value > -9.2e18)) return value < 0 ? INT64_MIN : 0;
  return value < 9.2e18 ? (int64_t)value : INT64_MAX;
}

#define ENCODE(type, convert) \
  for (R_xlen_t i = 0; i < count; i++) ((type *)to)[i] = (type)convert(NUMBER(i))
#define AS_IS(x) (x)
#define IS_TRUE(x) ((x) != 0)
#define NUMBER(i) (doubles ? doubles[i] : raws ? (double)raws[i] : ints[i] == NA_INTEGER ? NA_REAL : (double)ints[i])

const void *mixnet_encode(SEXP values, int32_t dtype) {
  const int type = TYPEOF(values);
  if (type != REALSXP && type != INTSXP && type != LGLSXP && type != RAWSXP)
    Rf_error("[mixnet] values: expected numbers, logicals or raw bytes, got %s", Rf_type2char(type));
  if (type == REALSXP && dtype == MXN_FLOAT64) return REAL(values);
  if (type == INTSXP && dtype == MXN_INT32) return INTEGER(values);
  if (type == RAWSXP && dtype == MXN_UINT8) return RAW(values);
  const R_xlen_t count = XLENGTH(values);
  const double *doubles = type == REALSXP ? REAL(values) : NULL;
  const Rbyte *raws = type == RAWSXP ? RAW(values) : NULL;
  const int *ints = type == INTSXP ? INTEGER(values) : type == LGLSXP ? LOGICAL(values) : NULL;
  void *to = R_alloc((size_t)count + 1, (int)mixnet_dtype_size(dtype));
  switch (dtype) {
    case MXN_FLOAT32: ENCODE(float, AS_IS); break;
    case MXN_FLOAT64: ENCODE(double, AS_IS); break;
    case MXN_INT64: ENCODE(int64_t, to_integer); break;
    case MXN_INT32: ENCODE(int32_t, to_integer); break;
    case MXN_INT8: ENCODE(int8_t, to_integer); break;
    case MXN_UINT8: ENCODE(uint8_t, to_integer); break;
    case MXN_BOOL: ENCODE(uint8_t, IS_TRUE); break;
    default: ENCODE(uint16_t, to_bfloat16); break;
  }
  return to;
}

#define DECODE(type, r_type, values, convert)                                              \
  do {                                                                                     \
    made = Rf_allocVector(r_type, count);                                                  \
    for (int64_t i = 0; i < count; i++) {                                                  \
      type element;                                                                        \
      memcpy(&element, (const char *)bytes + i * (int64_t)sizeof element, sizeof element); \
      values(made)[i] = convert(element);                                                  \
    }                                                                                      \
  } while (0)

SEXP mixnet_decode(const void *bytes, int32_t dtype, int64_t count) {
  SEXP made = R_NilValue;
  switch (dtype) {
    case MXN_FLOAT32: DECODE(float, REALSXP, REAL, (double)); break;
    case MXN_FLOAT64: DECODE(double, REALSXP, REAL, (double)); break;
    case MXN_INT64: DECODE(int64_t, REALSXP, REAL, (double)); break;
    case MXN_INT32: DECODE(int32_t, INTSXP, INTEGER, (int)); break;
    case MXN_INT8: DECODE(int8_t, INTSXP, INTEGER, (int)); break;
    case MXN_UINT8: DECODE(uint8_t, INTSXP, INTEGER, (int)); break;
    case MXN_BOOL: DECODE(uint8_t, LGLSXP, LOGICAL, IS_TRUE); break;
    case MXN_BFLOAT16: DECODE(uint16_t, REALSXP, REAL, (double)from_bfloat16); break;
    default: mixnet_dtype_size(dtype);
  }
  return made;
}
