#!/usr/bin/env bash
# ip and nft, with which tests/fault makes network namespaces and loses packets. One line at the end; codes as in apt.sh.
source "$(dirname "$0")/apt.sh"

have ip && have nft || install network iproute2 nftables
have ip && have nft || broken network "there is no ip or no nft"
ready network "$(nft --version | cut -d' ' -f2)"
