# Loading: callbacks that R registers run on R's thread, in the library's waits. When R ends, the engine ends first: its threads must not run
# while the process takes its libraries apart.

ending <- new.env()

.onLoad <- function(libname, pkgname) {
  mxn_queue_open()
  reg.finalizer(ending, function(e) mxn_shutdown(), onexit = TRUE)
}

.onUnload <- function(libpath) {
  mxn_queue_close()
  library.dynam.unload("mixnet", libpath)
}

# Drops the inputs' names and opens lists: f(a, b) and f(list(a, b)) are the same. num.args is accepted and not needed.
flat_inputs <- function(...) {
  given <- list(...)
  if (!is.null(names(given))) given <- given[!(names(given) %in% c("num.args", "num_args"))]
  flat <- list()
  for (value in given) flat <- c(flat, if (typeof(value) == "list") value else list(value))
  unname(flat)
}
