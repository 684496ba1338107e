# Loading: callbacks that R registers run on R's thread, in the library's waits. The native part stays when the package is unloaded, as
# finalizers of what lives on are in it.

.onLoad <- function(libname, pkgname) {
  mxn_queue_open()
}

# Drops the inputs' names and opens lists: f(a, b) and f(list(a, b)) are the same. num.args is accepted and not needed.
flat_inputs <- function(...) {
  given <- list(...)
  if (!is.null(names(given))) given <- given[!(names(given) %in% c("num.args", "num_args"))]
  flat <- list()
  for (value in given) flat <- c(flat, if (typeof(value) == "list") value else list(value))
  unname(flat)
}
