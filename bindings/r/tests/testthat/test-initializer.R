# Numbers that Python's Module.init_params gives for this net, seed 7 and a batch of shape (5, 3).
EXPECTED <- list(
  list(mx.init.Xavier(), c(-0.77164525, -0.67483646, 0.32178578), c(-0.34954932, -0.58266115, -0.13354088)),
  list(mx.init.uniform(0.07), c(-0.05401517, -0.04723855, 0.02252501), c(-0.02642895, -0.04405422, -0.01009685)),
  list(mx.init.normal(0.01), c(0.01999071, 0.01710358, 0.00286017), c(-0.01527165, 0.01492123, -0.01200758)),
  list(mx.init.Xavier("gaussian", "in", 2), c(1.4135568, 1.2094055, 0.20224439), c(-1.2469248, 1.2183137, -0.9804147)))

test_that("the same seed gives Python's first values", {
  net <- mx.symbol.FullyConnected(mx.symbol.Variable("data"), num_hidden = 4, name = "z")
  net <- mx.symbol.SoftmaxOutput(mx.symbol.FullyConnected(net, num_hidden = 2, name = "a"), name = "softmax")
  shapes <- mx.symbol.infer.shape(net, data = c(3, 5))$arg.shapes[c("z_weight", "z_bias", "a_weight", "a_bias")]
  for (case in EXPECTED) {
    mx.set.seed(7)
    made <- mx.init.create(case[[1]], shapes)
    expect_equal(as.vector(made$a_weight)[1:3], case[[2]], tolerance = 1e-6)
    expect_equal(as.vector(made$z_weight)[1:3], case[[3]], tolerance = 1e-6)
    expect_equal(as.vector(made$z_bias), rep(0, 4))
  }
})

test_that("names, constants and attributes choose", {
  init <- mx.init.uniform(1)
  expect_equal(as.vector(init("bn_gamma", 2)), c(1, 1))
  expect_equal(as.vector(init("bn_moving_var", 2)), c(1, 1))
  expect_error(init("strange", 2), "no rule", class = "MXNetError")
  expect_error(mx.init.Xavier()("fc_weight", 3), "at least 2 dimensions", class = "MXNetError")
  expect_equal(as.vector(mx.init.one()("anything", 2)), c(1, 1))
  expect_equal(as.vector(mx.init.constant(3)("anything", 2)), c(3, 3))
  weight <- mx.symbol.Variable("fc_weight", init = '["constant", {"value": 0.25}]')
  net <- mx.symbol.FullyConnected(mx.symbol.Variable("data"), weight, num_hidden = 1, name = "fc")
  expect_equal(as.vector(mx.init.create(init, list(fc_weight = c(2, 1)), symbol = net)$fc_weight), c(0.25, 0.25))
})

test_that("schedules fall and optimizers follow them", {
  rates <- vapply(1:7, mx.lr_scheduler.FactorScheduler(3, 0.5, base_lr = 1), 0)
  expect_equal(rates, c(1, 1, 1, 0.5, 0.5, 0.5, 0.25))
  expect_equal(vapply(1:4, mx.lr_scheduler.MultiFactorScheduler(c(1, 3), 0.1, base_lr = 1), 0), c(1, 0.1, 0.1, 0.01))
  expect_equal(mx.lr_scheduler.PolyScheduler(10, 1, 2)(5), 0.25)
  expect_equal(mx.lr_scheduler.CosineScheduler(10, 1)(10), 0)
  expect_equal(mx.lr_scheduler.CosineScheduler(10, 1, warmup_steps = 4)(2), 0.5)
  expect_error(mx.lr_scheduler.FactorScheduler(0), "at least 1", class = "MXNetError")
  opt <- mx.opt.sgd(learning.rate = 1, lr_scheduler = mx.lr_scheduler.FactorScheduler(1, 0.5))
  w <- mx.nd.zeros(1)
  for (i in 1:3) mx.opt.update(opt, list(w_weight = w), list(mx.nd.ones(1)))
  expect_equal(as.numeric(w), -1.75)
  mx.opt.set.multipliers(opt, "w_weight", lr_mult = 0)
  mx.opt.update(opt, list(w_weight = w), list(mx.nd.ones(1)))
  expect_equal(as.numeric(w), -1.75)
  expect_error(mx.opt.create("nothing"), class = "MXNetError")
  expect_error(mx.opt.create("sgd", learning.rat = 1), "learning_rat", class = "MXNetError")
})

test_that("states of optimizers are saved", {
  step <- function(opt, w) mx.opt.update(opt, list(w_weight = w), list(mx.nd.ones(2)))
  opt <- mx.opt.create("sgd", learning.rate = 0.1, momentum = 0.9)
  w <- mx.nd.zeros(2)
  step(opt, w)
  path <- tempfile(fileext = ".params")
  mx.opt.save(opt, path)
  other <- mx.opt.load(mx.opt.create("sgd", learning.rate = 0.1, momentum = 0.9), path)
  copy <- mx.nd.copy(w)
  step(opt, w)
  step(other, copy)
  expect_equal(as.vector(copy), as.vector(w))
})
