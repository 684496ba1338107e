/* The calls that Python makes most, without cffi values on the way: arrays that free their handle, arithmetic, and operators on
 * arrays with plain parameters.
 *
 * What is out of the ordinary (numpy arrays among the inputs, unusual parameters, mistakes) is handed to functions in Python that
 * `setup` names. The GIL is released while the library works, because it may wait for callbacks that need it.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stddef.h>
#include <string.h>
#include <structmember.h>

#include "limited.h"
#include "mixnet/c_api.h"

enum { most_arrays = 256, most_params = 32, most_numbers = 256 };

typedef struct {
  PyObject_HEAD mxn_ndarray_t *handle;
  PyObject *details; /* (shape, dtype code, device kind, device index, bytes), or NULL before it was asked for */
  PyObject *weak;
} Array;

typedef struct {
  PyObject_HEAD const mxn_op_t *handle;
  PyObject *fields; /* name: position */
} Operator;

/* Set once by setup(). */
static PyTypeObject *array_class;       /* the class of results */
static PyTypeObject *sparse_classes[2]; /* of those that are row_sparse and csr */
static PyObject *not_given;             /* value of a parameter that was left out */
static PyObject *last_error;            /* function: the pending error of the library as an exception */
static PyObject *slow_call;             /* function(op, inputs, params, out, ctx) */
static PyObject *slow_arithmetic;       /* function(left, right, position, in_place) */

static PyTypeObject *array_type, *operator_type; /* made with the module */

static PyObject *raise_last_error(void) {
  PyObject *error = PyObject_CallNoArgs(last_error);
  if (error) {
    PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_DECREF(error);
  }
  return NULL;
}

/* ---- arrays ---- */

static int is_array(PyObject *value) { return PyObject_TypeCheck(value, array_type); }
static mxn_ndarray_t *handle_of(PyObject *value) { return ((Array *)value)->handle; }

/* Takes the handle in every case. */
static PyObject *wrap(mxn_ndarray_t *handle) {
  PyTypeObject *type = array_class;
  int32_t storage = 0;
  if (sparse_classes[0] && mxn_ndarray_storage(handle, &storage) == 0 && storage) type = sparse_classes[storage - 1];
  Array *array = (Array *)PyType_GenericAlloc(type, 0);
  if (!array) {
    mxn_ndarray_free(handle);
    return NULL;
  }
  array->handle = handle;
  return (PyObject *)array;
}

static PyObject *array_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
  unsigned long long address;
  if (kwargs && PyDict_GET_SIZE(kwargs)) return PyErr_Format(PyExc_TypeError, "Array takes one address");
  if (!PyArg_ParseTuple(args, "K", &address)) return NULL;
  Array *array = (Array *)PyType_GenericAlloc(type, 0);
  if (array) array->handle = (mxn_ndarray_t *)(uintptr_t)address;
  return (PyObject *)array;
}

static void array_dealloc(Array *array) {
  if (array->weak) PyObject_ClearWeakRefs((PyObject *)array);
  mxn_ndarray_free(array->handle);
  Py_XDECREF(array->details);
  free_object((PyObject *)array);
}

static PyObject *array_address(Array *array, void *closure) {
  (void)closure;
  return PyLong_FromVoidPtr(array->handle);
}

static PyObject *array_details(Array *array, void *closure) {
  (void)closure;
  if (!array->details) {
    mxn_ndarray_info_t info;
    info.struct_size = sizeof info;
    int code;
    /* A shape that depends on values is waited for. */
    Py_BEGIN_ALLOW_THREADS code = mxn_ndarray_info(array->handle, &info);
    Py_END_ALLOW_THREADS if (code != 0) return raise_last_error();
    PyObject *shape = PyTuple_New(info.ndim);
    if (!shape) return NULL;
    for (int32_t i = 0; i < info.ndim; ++i) {
      PyObject *extent = PyLong_FromLongLong(info.shape[i]);
      if (!extent) {
        Py_DECREF(shape);
        return NULL;
      }
      PyTuple_SET_ITEM(shape, i, extent);
    }
    PyObject *details = Py_BuildValue("NiiiL", shape, (int)info.dtype, (int)info.device_kind, (int)info.device_index,
                                      (long long)info.bytes);
    if (!details) return NULL;
    Py_XSETREF(array->details, details);
  }
  Py_INCREF(array->details);
  return array->details;
}

/* Views share memory and its place in the engine's order, so they need not wait for anything. */
static PyObject *view(int code, mxn_ndarray_t *handle) { return code == 0 ? wrap(handle) : raise_last_error(); }

static PyObject *array_slice_view(Array *array, PyObject *args) {
  long long begin, end;
  mxn_ndarray_t *out = NULL;
  if (!PyArg_ParseTuple(args, "LL", &begin, &end)) return NULL;
  const int code = mxn_ndarray_slice(array->handle, begin, end, &out);
  return view(code, out);
}

static PyObject *array_row_view(Array *array, PyObject *index) {
  mxn_ndarray_t *out = NULL;
  const long long i = PyLong_AsLongLong(index);
  if (i == -1 && PyErr_Occurred()) return NULL;
  const int code = mxn_ndarray_at(array->handle, i, &out);
  return view(code, out);
}

static PyObject *array_reshape_view(Array *array, PyObject *shape) {
  int64_t extents[64];
  mxn_ndarray_t *out = NULL;
  if (!PyTuple_Check(shape)) return PyErr_Format(PyExc_TypeError, "[reshape] expected a tuple of extents");
  const Py_ssize_t ndim = PyTuple_GET_SIZE(shape);
  if (ndim > 64) return PyErr_Format(PyExc_ValueError, "[reshape] expected at most 64 extents, got %zd", ndim);
  for (Py_ssize_t i = 0; i < ndim; ++i) {
    extents[i] = PyLong_AsLongLong(PyTuple_GET_ITEM(shape, i));
    if (extents[i] == -1 && PyErr_Occurred()) return NULL;
  }
  const int code = mxn_ndarray_reshape(array->handle, extents, (int32_t)ndim, &out);
  return view(code, out);
}

static PyMethodDef array_methods[] = {
    {"slice_view", (PyCFunction)array_slice_view, METH_VARARGS, "Rows [begin, end) of the first axis, sharing memory."},
    {"row_view", (PyCFunction)array_row_view, METH_O, "Row i without its axis, sharing memory."},
    {"reshape_view", (PyCFunction)array_reshape_view, METH_O,
     "The same memory under another shape, a tuple whose extents are all given."},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef array_getters[] = {
    {"_address", (getter)array_address, NULL, "The handle's address.", NULL},
    {"_details", (getter)array_details, NULL, "(shape, dtype code, device kind, device index, bytes).", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

/* ---- operators ---- */

static int operator_init(Operator *op, PyObject *args, PyObject *kwargs) {
  unsigned long long address;
  PyObject *fields;
  (void)kwargs;
  if (!PyArg_ParseTuple(args, "KO!", &address, &PyDict_Type, &fields)) return -1;
  op->handle = (const mxn_op_t *)(uintptr_t)address;
  Py_INCREF(fields);
  Py_XSETREF(op->fields, fields);
  return 0;
}

static void operator_dealloc(Operator *op) {
  Py_XDECREF(op->fields);
  free_object((PyObject *)op);
}

static PyMemberDef operator_members[] = {
    {"fields", T_OBJECT, offsetof(Operator, fields), READONLY, "Positions of the parameters by name."},
    {NULL, 0, 0, 0, NULL}};

typedef union {
  int64_t integer;
  double real;
} Number;
typedef struct {
  Number numbers[most_numbers];
  Py_ssize_t used;
} Numbers;

/* Integers, or numbers of which one is not; 0 when they are something else or too many. */
static int fill_list(mxn_arg_t *arg, PyObject *value, Numbers *store) {
  const Py_ssize_t count = length_of(value);
  if (count > most_numbers - store->used) return 0;
  Number *to = store->numbers + store->used;
  int real = 0;
  for (Py_ssize_t i = 0; i < count && !real; ++i) real = PyFloat_CheckExact(item_of(value, i));
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject *item = item_of(value, i);
    int overflow = 0;
    if (PyLong_CheckExact(item)) {
      const int64_t integer = PyLong_AsLongLongAndOverflow(item, &overflow);
      if (overflow) return 0;
      if (real) to[i].real = (double)integer;
      else to[i].integer = integer;
    } else if (PyFloat_CheckExact(item)) {
      to[i].real = PyFloat_AS_DOUBLE(item);
    } else {
      return 0;
    }
  }
  arg->tag = real ? MXN_TAG_FLOATS : MXN_TAG_INTS;
  if (real) arg->reals = &to->real;
  else arg->ints = &to->integer;
  arg->count = count;
  store->used += count;
  return 1;
}

/* A parameter that the C stack can hold; 0 when it is something else. */
static int fill_arg(mxn_arg_t *arg, PyObject *value, Numbers *store) {
  if (value == Py_None) {
    arg->tag = MXN_TAG_NONE;
  } else if (PyBool_Check(value)) {
    arg->tag = MXN_TAG_BOOL;
    arg->integer = value == Py_True;
  } else if (PyLong_CheckExact(value)) {
    int overflow = 0;
    arg->tag = MXN_TAG_INT;
    arg->integer = PyLong_AsLongLongAndOverflow(value, &overflow);
    return !overflow;
  } else if (PyFloat_CheckExact(value)) {
    arg->tag = MXN_TAG_FLOAT;
    arg->real = PyFloat_AS_DOUBLE(value);
  } else if (PyUnicode_CheckExact(value)) {
    arg->tag = MXN_TAG_TEXT;
    arg->text = PyUnicode_AsUTF8(value);
    if (!arg->text) PyErr_Clear();
    return arg->text != NULL;
  } else if (PyTuple_CheckExact(value) || PyList_CheckExact(value)) {
    return fill_list(arg, value, store);
  } else {
    return 0;
  }
  return 1;
}

typedef struct {
  int32_t kind, index;
} Device;
static const Device cpu = {MXN_DEVICE_CPU, 0};

/* The device matters only where there are no inputs. */
static int invoke(const mxn_op_t *op, mxn_ndarray_t **inputs, int32_t num_inputs, const mxn_arg_t *args,
                  int32_t num_args, Device device, mxn_ndarray_t **outputs, int32_t capacity, int32_t *num_outputs) {
  int code;
  Py_BEGIN_ALLOW_THREADS code = mxn_op_invoke(op, inputs, num_inputs, args, num_args, -1, device.kind, device.index,
                                              outputs, capacity, num_outputs);
  Py_END_ALLOW_THREADS return code;
}

/* The arguments of `call` in C; 0 when they are out of the ordinary. */
typedef struct {
  mxn_ndarray_t *inputs[most_arrays], *outputs[most_arrays];
  mxn_arg_t args[most_params];
  Numbers numbers;
  int32_t num_inputs, num_args, num_outputs;
} Call;

static int read_params(Call *call, PyObject *op, PyObject *params) {
  Py_ssize_t at = 0;
  PyObject *key, *value;
  call->num_args = 0;
  call->numbers.used = 0;
  if (!PyObject_TypeCheck(op, operator_type) || !PyDict_CheckExact(params)) return 0;
  while (PyDict_Next(params, &at, &key, &value)) {
    if (value == not_given) continue;
    PyObject *field = PyDict_GetItem(((Operator *)op)->fields, key);
    if (!field || call->num_args == most_params) return 0;
    mxn_arg_t *arg = &call->args[call->num_args++];
    memset(arg, 0, sizeof *arg);
    arg->field = (int32_t)PyLong_AsLong(field);
    if (!fill_arg(arg, value, &call->numbers)) return 0;
  }
  return 1;
}

/* An array, or a list of them. */
static int read_outputs(Call *call, PyObject *out) {
  const int listed = PyList_CheckExact(out) || PyTuple_CheckExact(out);
  const Py_ssize_t count = listed ? length_of(out) : 1;
  if (count == 0 || count > most_arrays) return 0;
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject *item = listed ? item_of(out, i) : out;
    if (!is_array(item)) return 0;
    call->outputs[i] = handle_of(item);
  }
  call->num_outputs = (int32_t)count;
  return 1;
}

static int read_call(Call *call, PyObject *op, PyObject *inputs, PyObject *params, PyObject *out, PyObject *ctx) {
  if (ctx != Py_None || (!PyTuple_CheckExact(inputs) && !PyList_CheckExact(inputs))) return 0;
  Py_ssize_t count = length_of(inputs);
  while (count > 0 && item_of(inputs, count - 1) == Py_None) --count;
  if (count == 0 || count > most_arrays) return 0;
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject *item = item_of(inputs, i);
    if (!is_array(item)) return 0;
    call->inputs[i] = handle_of(item);
  }
  call->num_inputs = (int32_t)count;
  call->num_outputs = 0;
  if (out != Py_None && !read_outputs(call, out)) return 0;
  return read_params(call, op, params);
}

static PyObject *results(Call *call) {
  if (call->num_outputs == 1) return wrap(call->outputs[0]);
  PyObject *list = PyList_New(call->num_outputs);
  for (int32_t i = 0; i < call->num_outputs; ++i) {
    PyObject *array = list ? wrap(call->outputs[i]) : (mxn_ndarray_free(call->outputs[i]), NULL);
    if (array) {
      PyList_SET_ITEM(list, i, array);
    } else {
      Py_CLEAR(list);
    }
  }
  return list;
}

/* call(op, inputs, params, out, ctx) */
static PyObject *call_operator(PyObject *module, PyObject *const *values, Py_ssize_t count) {
  Call call;
  (void)module;
  if (count != 5) return PyErr_Format(PyExc_TypeError, "call takes 5 arguments, got %zd", count);
  if (!read_call(&call, values[0], values[1], values[2], values[3], values[4])) {
    return call_with(slow_call, values, count);
  }
  const int given = call.num_outputs > 0;
  const mxn_op_t *op = ((Operator *)values[0])->handle;
  const int32_t capacity = given ? call.num_outputs : most_arrays;
  /* The caller's lists could lose an array while the GIL is released. */
  PyObject *kept = PySequence_Tuple(values[1]),
           *kept_out = PyList_CheckExact(values[3]) ? PySequence_Tuple(values[3]) : NULL;
  if (!kept || (!kept_out && PyErr_Occurred())) {
    Py_XDECREF(kept);
    return NULL;
  }
  const int code = invoke(op, call.inputs, call.num_inputs, call.args, call.num_args, cpu, call.outputs, capacity,
                          &call.num_outputs);
  Py_DECREF(kept);
  Py_XDECREF(kept_out);
  if (code != 0) return raise_last_error();
  if (!given) return results(&call);
  Py_INCREF(values[3]);
  return values[3];
}

/* make(op, params, device kind, device index): an operator without inputs and with one output; None for unusual parameters */
static PyObject *make(PyObject *module, PyObject *args) {
  Call call;
  Device device;
  PyObject *op, *params;
  (void)module;
  if (!PyArg_ParseTuple(args, "OOii", &op, &params, &device.kind, &device.index)) return NULL;
  if (!read_params(&call, op, params)) Py_RETURN_NONE;
  call.num_outputs = 0;
  const int code = invoke(((Operator *)op)->handle, NULL, 0, call.args, call.num_args, device, call.outputs,
                          most_arrays, &call.num_outputs);
  return code == 0 ? results(&call) : raise_last_error();
}

/* ---- arithmetic ---- */

/* One per slot, in the order in which setup() gets them. */
enum {
  slot_add,
  slot_sub,
  slot_mul,
  slot_div,
  slot_mod,
  slot_pow,
  slot_eq,
  slot_ne,
  slot_gt,
  slot_ge,
  slot_lt,
  slot_le,
  num_slots
};
typedef struct {
  const mxn_op_t *arrays, *number, *reversed; /* array op array, array op number, number op array */
} Slot;
static Slot slots[num_slots];
static const mxn_op_t *op_negative, *op_abs;

static int read_number(PyObject *value, double *number) {
  if (PyFloat_CheckExact(value)) {
    *number = PyFloat_AS_DOUBLE(value);
  } else if (PyLong_CheckExact(value) || PyBool_Check(value)) {
    *number = PyLong_AsDouble(value);
    if (*number == -1 && PyErr_Occurred()) {
      PyErr_Clear();
      return 0;
    }
  } else {
    return 0;
  }
  return 1;
}

/* op(a[, b][, number]), into `out` or a new array. */
static PyObject *apply(const mxn_op_t *op, PyObject *a, PyObject *b, const double *number, PyObject *out) {
  mxn_ndarray_t *inputs[2] = {handle_of(a), b ? handle_of(b) : NULL}, *output = out ? handle_of(out) : NULL;
  mxn_arg_t arg;
  int32_t produced = out ? 1 : 0;
  memset(&arg, 0, sizeof arg);
  arg.tag = MXN_TAG_FLOAT;
  if (number) arg.real = *number;
  if (invoke(op, inputs, b ? 2 : 1, &arg, number ? 1 : 0, cpu, &output, 1, &produced) != 0) return raise_last_error();
  if (!out) return wrap(output);
  Py_INCREF(out);
  return out;
}

static PyObject *arithmetic(PyObject *left, PyObject *right, int position, int in_place) {
  const Slot *slot = &slots[position];
  double number;
  if (is_array(left)) {
    PyObject *out = in_place ? left : NULL;
    if (is_array(right)) return apply(slot->arrays, left, right, NULL, out);
    if (read_number(right, &number)) return apply(slot->number, left, NULL, &number, out);
  } else if (read_number(left, &number)) {
    return apply(slot->reversed, right, NULL, &number, NULL);
  }
  return PyObject_CallFunction(slow_arithmetic, "OOii", left, right, position, in_place);
}

#define BINARY(name)                                                                                                 \
  static PyObject *array_##name(PyObject *left, PyObject *right) { return arithmetic(left, right, slot_##name, 0); } \
  static PyObject *array_i##name(PyObject *left, PyObject *right) { return arithmetic(left, right, slot_##name, 1); }
BINARY(add)
BINARY(sub)
BINARY(mul)
BINARY(div)
BINARY(mod)
#undef BINARY

static PyObject *array_pow(PyObject *left, PyObject *right, PyObject *modulus) {
  if (modulus != Py_None) Py_RETURN_NOTIMPLEMENTED;
  return arithmetic(left, right, slot_pow, 0);
}

static PyObject *array_compare(PyObject *left, PyObject *right, int operation) {
  static const int slot_of[] = {slot_lt, slot_le, slot_eq, slot_ne, slot_gt, slot_ge};
  return arithmetic(left, right, slot_of[operation], 0);
}

static PyObject *array_negative(PyObject *array) { return apply(op_negative, array, NULL, NULL, NULL); }
static PyObject *array_absolute(PyObject *array) { return apply(op_abs, array, NULL, NULL, NULL); }

static PyMemberDef array_members[] = {{"__weaklistoffset__", T_PYSSIZET, offsetof(Array, weak), READONLY, NULL},
                                      {NULL, 0, 0, 0, NULL}};

static PyType_Slot array_slots[] = {
    {Py_tp_doc, "What mx.nd.NDArray is in C: a handle, freed with the object, and arithmetic."},
    {Py_tp_new, array_new},
    {Py_tp_dealloc, array_dealloc},
    {Py_tp_methods, array_methods},
    {Py_tp_getset, array_getters},
    {Py_tp_members, array_members},
    {Py_tp_richcompare, array_compare},
    {Py_nb_add, array_add},
    {Py_nb_subtract, array_sub},
    {Py_nb_multiply, array_mul},
    {Py_nb_true_divide, array_div},
    {Py_nb_remainder, array_mod},
    {Py_nb_power, array_pow},
    {Py_nb_inplace_add, array_iadd},
    {Py_nb_inplace_subtract, array_isub},
    {Py_nb_inplace_multiply, array_imul},
    {Py_nb_inplace_true_divide, array_idiv},
    {Py_nb_inplace_remainder, array_imod},
    {Py_nb_negative, array_negative},
    {Py_nb_absolute, array_absolute},
    {0, NULL}};
static PyType_Spec array_spec = {"_mixnet_fast.Array", sizeof(Array), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE,
                                 array_slots};

static PyType_Slot operator_slots[] = {
    {Py_tp_doc, "Operator(address, fields): an operator's handle and the positions of its parameters."},
    {Py_tp_new, PyType_GenericNew},
    {Py_tp_init, operator_init},
    {Py_tp_dealloc, operator_dealloc},
    {Py_tp_members, operator_members},
    {0, NULL}};
static PyType_Spec operator_spec = {"_mixnet_fast.Operator", sizeof(Operator), 0,
                                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, operator_slots};

/* ---- the module ---- */

/* setup(array class, value for "not given", last_error, slow_call, slow_arithmetic, addresses of the operators of all slots,
   negative and abs) */
static PyObject *setup(PyObject *module, PyObject *args) {
  PyObject *type, *missing, *error, *call, *slow, *addresses;
  (void)module;
  if (!PyArg_ParseTuple(args, "O!OOOOO!", &PyType_Type, &type, &missing, &error, &call, &slow, &PyTuple_Type,
                        &addresses))
    return NULL;
  const Py_ssize_t expected = 3 * num_slots + 2;
  if (PyTuple_GET_SIZE(addresses) != expected)
    return PyErr_Format(PyExc_TypeError, "setup needs %zd addresses", expected);
  const mxn_op_t *ops[3 * num_slots + 2];
  for (Py_ssize_t i = 0; i < expected; ++i) {
    ops[i] = (const mxn_op_t *)PyLong_AsVoidPtr(PyTuple_GET_ITEM(addresses, i));
    if (!ops[i] && PyErr_Occurred()) return NULL;
  }
  for (int i = 0; i < num_slots; ++i) slots[i] = (Slot){ops[3 * i], ops[3 * i + 1], ops[3 * i + 2]};
  op_negative = ops[expected - 2];
  op_abs = ops[expected - 1];
  Py_INCREF(type);
  Py_XSETREF(array_class, (PyTypeObject *)type);
  Py_INCREF(missing);
  Py_XSETREF(not_given, missing);
  Py_INCREF(error);
  Py_XSETREF(last_error, error);
  Py_INCREF(call);
  Py_XSETREF(slow_call, call);
  Py_INCREF(slow);
  Py_XSETREF(slow_arithmetic, slow);
  Py_RETURN_NONE;
}

/* set_sparse(class of row_sparse arrays, class of csr arrays): once */
static PyObject *set_sparse(PyObject *module, PyObject *args) {
  (void)module;
  if (!PyArg_ParseTuple(args, "OO", &sparse_classes[0], &sparse_classes[1])) return NULL;
  Py_INCREF((PyObject *)sparse_classes[0]);
  Py_INCREF((PyObject *)sparse_classes[1]);
  Py_RETURN_NONE;
}

/* replay(address of a mxn_cached_op_t, tuple of arrays, number of outputs): a list of arrays */
static PyObject *replay(PyObject *module, PyObject *const *values, Py_ssize_t count) {
  (void)module;
  if (count != 3 || !PyTuple_CheckExact(values[1]))
    return PyErr_Format(PyExc_TypeError, "replay(address, tuple, count)");
  mxn_cached_op_t *op = (mxn_cached_op_t *)PyLong_AsVoidPtr(values[0]);
  const Py_ssize_t num_inputs = PyTuple_GET_SIZE(values[1]), num_outputs = PyLong_AsSsize_t(values[2]);
  if (PyErr_Occurred()) return NULL;
  if (num_outputs < 0 || num_outputs > INT32_MAX) return PyErr_Format(PyExc_ValueError, "replay: too many outputs");
  mxn_ndarray_t **handles = PyMem_Calloc((size_t)(num_inputs + num_outputs) + 1, sizeof *handles);
  if (!handles) return PyErr_NoMemory();
  PyObject *list = NULL;
  for (Py_ssize_t i = 0; i < num_inputs; ++i) {
    PyObject *array = PyTuple_GET_ITEM(values[1], i);
    if (!is_array(array)) {
      PyErr_Format(PyExc_TypeError, "replay: expected NDArrays, got %R", (PyObject *)Py_TYPE(array));
      goto done;
    }
    handles[i] = handle_of(array);
  }
  mxn_ndarray_t **outputs = handles + num_inputs;
  int32_t produced = 0;
  int code;
  Py_BEGIN_ALLOW_THREADS code = mxn_cached_op_invoke(op, handles, num_inputs, outputs, (int32_t)num_outputs, &produced);
  Py_END_ALLOW_THREADS if (code != 0) {
    raise_last_error();
    goto done;
  }
  list = PyList_New(produced);
  for (int32_t i = 0; i < produced; ++i) {
    PyObject *array = list ? wrap(outputs[i]) : (mxn_ndarray_free(outputs[i]), NULL);
    if (array) {
      PyList_SET_ITEM(list, i, array);
    } else {
      Py_CLEAR(list);
    }
  }
done:
  PyMem_Free(handles);
  return list;
}

/* backward(head, gradient or None, retain_graph, training) */
static PyObject *backward(PyObject *module, PyObject *const *values, Py_ssize_t count) {
  (void)module;
  if (count != 4 || !is_array(values[0]) || !(values[1] == Py_None || is_array(values[1])))
    return PyErr_Format(PyExc_TypeError, "[backward] expected an NDArray, its gradient or None, and two flags");
  const int retain = PyObject_IsTrue(values[2]), training = PyObject_IsTrue(values[3]);
  if (retain < 0 || training < 0) return NULL;
  mxn_ndarray_t *head = handle_of(values[0]), *grad = values[1] == Py_None ? NULL : handle_of(values[1]), **none;
  int64_t zero;
  int code;
  Py_BEGIN_ALLOW_THREADS code = mxn_autograd_backward(&head, &grad, 1, NULL, 0, retain, 0, training, &none, &zero);
  Py_END_ALLOW_THREADS if (code != 0) return raise_last_error();
  Py_RETURN_NONE;
}

/* set_flags(recording, training): this thread's, -1 leaves one; the MXN_AUTOGRAD bits of before */
static PyObject *set_flags(PyObject *module, PyObject *const *values, Py_ssize_t count) {
  int32_t before = 0;
  (void)module;
  if (count != 2) return PyErr_Format(PyExc_TypeError, "set_flags takes 2 arguments, got %zd", count);
  const long recording = PyLong_AsLong(values[0]), now = PyLong_AsLong(values[1]);
  if (PyErr_Occurred()) return NULL;
  if (mxn_autograd_set((int32_t)recording, (int32_t)now, &before) != 0) return raise_last_error();
  return PyLong_FromLong(before);
}

static PyObject *get_flags(PyObject *module, PyObject *unused) {
  int32_t before = 0;
  (void)module, (void)unused;
  if (mxn_autograd_set(-1, -1, &before) != 0) return raise_last_error();
  return PyLong_FromLong(before);
}

static PyMethodDef functions[] = {
    {"setup", setup, METH_VARARGS, "Names the Python side: once, before anything else."},
    {"set_sparse", set_sparse, METH_VARARGS, "Names the classes of row_sparse and csr arrays."},
    {"call", (PyCFunction)(void (*)(void))call_operator, METH_FASTCALL,
     "call(op, inputs, params, out, ctx): runs an operator on arrays."},
    {"make", make, METH_VARARGS, "make(op, params, device kind, device index): runs an operator without inputs."},
    {"backward", (PyCFunction)(void (*)(void))backward, METH_FASTCALL,
     "backward(head, gradient or None, retain_graph, training): of one array, into the gradient arrays."},
    {"flags", get_flags, METH_NOARGS, "The MXN_AUTOGRAD bits of this thread."},
    {"set_flags", (PyCFunction)(void (*)(void))set_flags, METH_FASTCALL,
     "set_flags(recording, training): sets this thread's flags, -1 leaves one; the bits of before."},
    {"replay", (PyCFunction)(void (*)(void))replay, METH_FASTCALL,
     "replay(address, arrays, number of outputs): calls a cached operator."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_mixnet_fast", "The calls that Python makes most.", -1, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__mixnet_fast(void) {
  if (!array_type) array_type = (PyTypeObject *)PyType_FromSpec(&array_spec);
  if (!operator_type) operator_type = (PyTypeObject *)PyType_FromSpec(&operator_spec);
  if (!array_type || !operator_type) return NULL;
  PyObject *module = PyModule_Create(&definition);
  if (!module) return NULL;
  Py_INCREF((PyObject *)array_type);
  Py_INCREF((PyObject *)operator_type);
  if (PyModule_AddObject(module, "Array", (PyObject *)array_type) == 0 &&
      PyModule_AddObject(module, "Operator", (PyObject *)operator_type) == 0) {
    return module;
  }
  Py_DECREF(module);
  return NULL;
}
