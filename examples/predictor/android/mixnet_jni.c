/* org.mixnet.Predictor's native methods, on mixnet_predict.h. Compiled with mixnet_predict.cc into libmixnet_jni.so. */
#include <jni.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mixnet_predict.h"

enum { most_axes = 16 };

static mxn_predictor_t *of(jlong handle) { return (mxn_predictor_t *)(intptr_t)handle; }

/* True after throwing a PredictorException with the last error of this thread. */
static int failed(JNIEnv *env, int32_t code) {
  if (code == MXN_OK) return 0;
  char text[512];
  mxn_error_copy(text, sizeof text);
  jclass type = (*env)->FindClass(env, "org/mixnet/Predictor$PredictorException");
  jmethodID make = type ? (*env)->GetMethodID(env, type, "<init>", "(ILjava/lang/String;)V") : NULL;
  jstring message = make ? (*env)->NewStringUTF(env, text) : NULL;
  jobject error = message ? (*env)->NewObject(env, type, make, (jint)code, message) : NULL;
  if (error) (*env)->Throw(env, (jthrowable)error);
  return 1; /* otherwise Java has thrown what kept us from it */
}

JNIEXPORT jlong JNICALL Java_org_mixnet_Predictor_create(JNIEnv *env, jclass type, jbyteArray packed, jstring input,
                                                         jlongArray shape) {
  (void)type;
  int64_t extents[most_axes];
  const int32_t ndim = shape ? (int32_t)(*env)->GetArrayLength(env, shape) : 0;
  mxn_predictor_t *predictor = NULL;
  mxn_predictor_options_t options;
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  if (ndim <= most_axes && ndim > 0) (*env)->GetLongArrayRegion(env, shape, 0, ndim, (jlong *)extents);
  const char *name = input ? (*env)->GetStringUTFChars(env, input, NULL) : NULL;
  jbyte *bytes = packed ? (*env)->GetByteArrayElements(env, packed, NULL) : NULL;
  if (name && bytes) {
    options.packed = bytes;
    options.packed_bytes = (*env)->GetArrayLength(env, packed);
    options.input_names = &name;
    options.input_ndims = &ndim;
    options.input_shapes = extents;
    options.num_inputs = 1;
  }
  /* Without name, bytes or with too many axes the library says what is missing. */
  failed(env, mxn_predictor_create(&options, &predictor));
  if (bytes) (*env)->ReleaseByteArrayElements(env, packed, bytes, JNI_ABORT);
  if (name) (*env)->ReleaseStringUTFChars(env, input, name);
  return (jlong)(intptr_t)predictor;
}

JNIEXPORT jlong JNICALL Java_org_mixnet_Predictor_clone(JNIEnv *env, jclass type, jlong handle) {
  (void)type;
  mxn_predictor_t *copy = NULL;
  failed(env, mxn_predictor_clone(of(handle), &copy));
  return (jlong)(intptr_t)copy;
}

/* The input for index -1, else an output, as a buffer on the predictor's memory. */
JNIEXPORT jobject JNICALL Java_org_mixnet_Predictor_tensor(JNIEnv *env, jclass type, jlong handle, jint index) {
  (void)type;
  mxn_tensor_t tensor;
  memset(&tensor, 0, sizeof tensor);
  tensor.struct_size = sizeof tensor;
  const int32_t code =
      index < 0 ? mxn_predictor_input(of(handle), 0, &tensor) : mxn_predictor_output(of(handle), index, &tensor);
  return failed(env, code) ? NULL : (*env)->NewDirectByteBuffer(env, tensor.data, tensor.bytes);
}

JNIEXPORT void JNICALL Java_org_mixnet_Predictor_forward(JNIEnv *env, jclass type, jlong handle) {
  (void)type;
  failed(env, mxn_predictor_forward(of(handle)));
}

JNIEXPORT void JNICALL Java_org_mixnet_Predictor_free(JNIEnv *env, jclass type, jlong handle) {
  (void)env, (void)type;
  mxn_predictor_free(of(handle));
}
