"""What every binding's generator starts from: the parsed C headers (`header`) and the library's operators (`operators`)."""
