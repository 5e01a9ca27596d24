// `--name value` flags, nothing more.
#pragma once

#include <cstdlib>
#include <iostream>
#include <map>
#include <string>

class Flags {
 public:
  Flags(int argc, char **argv) {
    for (int i = 1; i + 1 < argc; i += 2) {
      std::string name = argv[i];
      if (name.rfind("--", 0) != 0) fail("not a flag: " + name);
      values_[name.substr(2)] = argv[i + 1];
    }
  }

  std::string text(const std::string &name) const {
    auto found = values_.find(name);
    if (found == values_.end()) fail("missing --" + name);
    return found->second;
  }

  double number(const std::string &name) const { return std::atof(text(name).c_str()); }

 private:
  [[noreturn]] static void fail(const std::string &why) {
    std::cerr << why << "\n";
    std::exit(2);
  }

  std::map<std::string, std::string> values_;
};
