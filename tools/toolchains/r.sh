#!/bin/sh
# Installs R with what its package's tests and vignette need, on Debian 12. Quick when it is there. Exit code 3 with one line that says why
# when it cannot be installed.
set -u

complete() {
  command -v R > /dev/null && command -v gcc > /dev/null && command -v pandoc > /dev/null &&
    Rscript -e 'for (p in c("testthat", "knitr", "rmarkdown")) if (!requireNamespace(p, quietly = TRUE)) quit(status = 1)' > /dev/null 2>&1
}

refuse() {
  echo "R: $1"
  exit 3
}

complete && exit 0
command -v apt-get > /dev/null || refuse "needs apt-get, or R 4 with testthat, knitr and rmarkdown"
[ "$(id -u)" = 0 ] || refuse "needs root for apt-get"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq -o DPkg::Lock::Timeout=300 > /dev/null 2>&1 || refuse "apt-get update failed"
apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 r-base-core r-cran-testthat r-cran-knitr r-cran-rmarkdown pandoc \
  > /dev/null 2>&1 || refuse "apt-get could not install r-base-core and its packages"
complete || refuse "installed, but does not start"
