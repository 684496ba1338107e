/// A key-value store: sums what is pushed, and hands it to an updater or an optimizer.
#pragma once

#include <mixnet/optimizer.hpp>

namespace mixnet {

class KVStore {
 public:
  /// type: "local" or "device".
  explicit KVStore(const std::string& type = "local") { check(mxn_kvstore_create(type.c_str(), receive(handle_))); }
  mxn_kvstore_t* get() const { return handle_.get(); }

  /// Sets the first value of a key.
  void init(const std::string& key, const NDArray& value) {
    const Pairs pairs(key, {&value});
    check(mxn_kvstore_init(get(), pairs.keys.data(), pairs.values.data(), pairs.count()));
  }
  /// Sums the values and stores the sum or hands it to the updater.
  void push(const std::string& key, const std::vector<const NDArray*>& values, int32_t priority = 0) {
    const Pairs pairs(key, values);
    check(mxn_kvstore_push(get(), pairs.keys.data(), pairs.values.data(), pairs.count(), priority));
  }
  void push(const std::string& key, const NDArray& value, int32_t priority = 0) { push(key, {&value}, priority); }
  /// Copies the stored value out.
  void pull(const std::string& key, const std::vector<const NDArray*>& outputs, int32_t priority = 0) const {
    const Pairs pairs(key, outputs);
    check(mxn_kvstore_pull(get(), pairs.keys.data(), pairs.values.data(), pairs.count(), priority));
  }
  void pull(const std::string& key, NDArray& output, int32_t priority = 0) const { pull(key, {&output}, priority); }

  /// Called for every key pushed, on a thread of the library's. What it throws is thrown by whoever waits for the key.
  using Updater = std::function<void(const std::string& key, const NDArray& received, NDArray& stored)>;
  void set_updater(Updater updater) {
    auto* user = new Updater(std::move(updater));
    check(mxn_kvstore_set_updater(get(), &KVStore::update, user, &detail::destroy<Updater>));
  }
  /// The store updates with this optimizer, whose states are shared with the store.
  void set_optimizer(const Optimizer& optimizer) { check(mxn_kvstore_set_optimizer(get(), optimizer.get())); }

  int32_t rank() const { return place(0); }
  /// Number of workers.
  int32_t size() const { return place(1); }
  /// Waits until all workers are here.
  void barrier() { check(mxn_kvstore_barrier(get())); }

 private:
  struct Pairs {
    Pairs(const std::string& key, const std::vector<const NDArray*>& arrays) : keys(arrays.size(), key.c_str()) {
      for (const NDArray* array : arrays) values.push_back(array->get());
    }
    int64_t count() const { return static_cast<int64_t>(values.size()); }
    std::vector<const char*> keys;
    std::vector<mxn_ndarray_t*> values;
  };
  int32_t place(int which) const {
    int32_t found[2] = {0, 0};
    check(mxn_kvstore_rank(get(), &found[0], &found[1]));
    return found[which];
  }
  static int32_t update(void* user, const char* key, mxn_ndarray_t* received, mxn_ndarray_t* stored) {
    return detail::guarded([&] {
      NDArray a(received), b(stored);
      struct Back {
        NDArray &a, &b;
        ~Back() { a.release(), b.release(); }
      } back{a, b};
      (*static_cast<Updater*>(user))(key, a, b);
    });
  }

  Handle<mxn_kvstore_t, mxn_kvstore_free> handle_;
};

}  // namespace mixnet
