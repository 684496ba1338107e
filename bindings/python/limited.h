/* What fast.c calls beyond Python's limited API, in its terms: with Py_LIMITED_API=0x030b0000 one binary serves Python 3.11 and
 * all that follow (tools/gpu_bundle.py), at a few more calls per operator. Without it this header is Python's own API. */
#ifndef MIXNET_PYTHON_LIMITED_H_
#define MIXNET_PYTHON_LIMITED_H_

#ifdef Py_LIMITED_API
#define PyDict_GET_SIZE PyDict_Size
#define PyFloat_AS_DOUBLE PyFloat_AsDouble
#define PyList_SET_ITEM PyList_SetItem
#define PyTuple_GET_ITEM PyTuple_GetItem
#define PyTuple_GET_SIZE PyTuple_Size
#define PyTuple_SET_ITEM PyTuple_SetItem
#define PyUnicode_AsUTF8(text) PyUnicode_AsUTF8AndSize(text, NULL)
#define Py_XSETREF(place, value)            \
  do {                                      \
    PyObject *before = (PyObject *)(place); \
    (place) = (value);                      \
    Py_XDECREF(before);                     \
  } while (0)

static void free_object(PyObject *object) {
  PyTypeObject *type = Py_TYPE(object);
  ((freefunc)PyType_GetSlot(type, Py_tp_free))(object);
  Py_DECREF(type);
}

/* Of a tuple or a list. */
static Py_ssize_t length_of(PyObject *values) {
  return PyTuple_Check(values) ? PyTuple_Size(values) : PyList_Size(values);
}
static PyObject *item_of(PyObject *values, Py_ssize_t i) {
  return PyTuple_Check(values) ? PyTuple_GetItem(values, i) : PyList_GetItem(values, i);
}

static PyObject *call_with(PyObject *function, PyObject *const *values, Py_ssize_t count) {
  PyObject *arguments = PyTuple_New(count);
  if (!arguments) return NULL;
  for (Py_ssize_t i = 0; i < count; ++i) {
    Py_INCREF(values[i]);
    PyTuple_SetItem(arguments, i, values[i]);
  }
  PyObject *result = PyObject_CallObject(function, arguments);
  Py_DECREF(arguments);
  return result;
}
#else
static void free_object(PyObject *object) {
  PyTypeObject *type = Py_TYPE(object);
  type->tp_free(object);
  Py_DECREF(type);
}
static Py_ssize_t length_of(PyObject *values) { return PySequence_Fast_GET_SIZE(values); }
static PyObject *item_of(PyObject *values, Py_ssize_t i) { return PySequence_Fast_GET_ITEM(values, i); }
static PyObject *call_with(PyObject *function, PyObject *const *values, Py_ssize_t count) {
  return PyObject_Vectorcall(function, values, (size_t)count, NULL);
}
#endif

#endif /* MIXNET_PYTHON_LIMITED_H_ */
