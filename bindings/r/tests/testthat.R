library(testthat)
library(mixnet)

test_check("mixnet")
