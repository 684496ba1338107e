// Functions of one number on GPUs: what they compute in, and the list of those with a slope. See unary.cc.
#pragma once
#include <type_traits>

#include "base/half.h"
#include "op/elemwise/functions.h"

namespace mixnet::op::unary {

// What a function of T is computed in.
template <class T> struct compute {
  using type = T;
};
template <> struct compute<f16> {
  using type = float;
};
template <> struct compute<bf16> {
  using type = float;
};
template <> struct compute<bool> {
  using type = int64_t;
};
template <class T> using compute_t = typename compute<T>::type;

// visit(name, F()) for every function that has a slope.
template <class Visit>
void for_each_smooth(Visit visit) {
  using namespace functions;
  visit("relu", Relu());
  visit("sqrt", Sqrt());
  visit("rsqrt", Rsqrt());
  visit("cbrt", Cbrt());
  visit("rcbrt", Rcbrt());
  visit("exp", Exp());
  visit("expm1", Expm1());
  visit("log", Log());
  visit("log10", Log10());
  visit("log2", Log2());
  visit("log1p", Log1p());
  visit("sin", Sin());
  visit("cos", Cos());
  visit("tan", Tan());
  visit("arcsin", Arcsin());
  visit("arccos", Arccos());
  visit("arctan", Arctan());
  visit("sinh", Sinh());
  visit("cosh", Cosh());
  visit("tanh", Tanh());
  visit("arcsinh", Arcsinh());
  visit("arccosh", Arccosh());
  visit("arctanh", Arctanh());
  visit("gamma", Gamma());
  visit("gammaln", Gammaln());
  visit("erf", Erf());
  visit("erfinv", Erfinv());
  visit("reciprocal", Reciprocal());
  visit("sigmoid", Sigmoid());
  visit("softsign", Softsign());
}

}  // namespace mixnet::op::unary
