// Closed-loop load on one connection: `--in-flight` calls, each renewed as soon as it is answered.
// Prints one JSON object; `all_calls` counts those of the warm-up too, for CPU per call.
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "echo.grpc.pb.h"
#include "flags.h"

using loci::bench::Echo;
using loci::bench::EchoMessage;
using Clock = std::chrono::steady_clock;

namespace {

// What one slot saw. Slots are never shared between calls under way.
struct Slot {
  std::vector<uint32_t> nanoseconds;
  uint64_t calls = 0, errors = 0;
  Clock::time_point began;
};

struct Window {
  Clock::time_point start, end;
};

// Records the answer; whether the slot goes on.
bool record(Slot &slot, const Window &window, const grpc::Status &status, const EchoMessage &request,
            const EchoMessage &response) {
  auto now = Clock::now();
  slot.calls++;
  bool right = status.ok() && response.payload().size() == request.payload().size();
  if (slot.began >= window.start && now <= window.end) {
    if (right) {
      slot.nanoseconds.push_back(static_cast<uint32_t>((now - slot.began).count()));
    } else {
      slot.errors++;
    }
  }
  slot.began = now;
  return now < window.end;
}

class QueueLoad {
 public:
  QueueLoad(Echo::Stub &stub, const EchoMessage &request, const Window &window)
      : stub_(stub), request_(request), window_(window) {}

  void run(std::vector<Slot> &slots) {
    for (auto &slot : slots) {
      slot.began = Clock::now();
      start(new Call{&slot});
    }
    size_t open = slots.size();
    void *tag;
    bool ok;
    while (open > 0 && queue_.Next(&tag, &ok)) {
      std::unique_ptr<Call> call(static_cast<Call *>(tag));
      if (record(*call->slot, window_, call->status, request_, call->response)) {
        start(new Call{call->slot});
      } else {
        open--;
      }
    }
  }

 private:
  struct Call {
    Slot *slot;
    grpc::ClientContext context{};
    EchoMessage response{};
    grpc::Status status{};
    std::unique_ptr<grpc::ClientAsyncResponseReader<EchoMessage>> reader{};
  };

  void start(Call *call) {
    call->reader = stub_.AsyncEcho(&call->context, request_, &queue_);
    call->reader->Finish(&call->response, &call->status, call);
  }

  Echo::Stub &stub_;
  const EchoMessage &request_;
  Window window_;
  grpc::CompletionQueue queue_;
};

class CallbackLoad {
 public:
  CallbackLoad(Echo::Stub &stub, const EchoMessage &request, const Window &window)
      : stub_(stub), request_(request), window_(window) {}

  void run(std::vector<Slot> &slots) {
    open_ = slots.size();
    for (auto &slot : slots) {
      slot.began = Clock::now();
      start(&slot);
    }
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [this] { return open_ == 0; });
  }

 private:
  struct Call {
    grpc::ClientContext context;
    EchoMessage response;
  };

  void start(Slot *slot) {
    auto *call = new Call;
    auto done = [this, slot, call](grpc::Status status) {
      bool more = record(*slot, window_, status, request_, call->response);
      delete call;
      if (more) return start(slot);
      std::lock_guard<std::mutex> lock(mutex_);
      if (--open_ == 0) done_.notify_one();
    };
    stub_.async()->Echo(&call->context, &request_, &call->response, done);
  }

  Echo::Stub &stub_;
  const EchoMessage &request_;
  Window window_;
  std::mutex mutex_;
  std::condition_variable done_;
  size_t open_ = 0;
};

void print(std::vector<Slot> &slots, double seconds) {
  std::vector<uint32_t> all;
  uint64_t calls = 0, errors = 0;
  for (auto &slot : slots) {
    all.insert(all.end(), slot.nanoseconds.begin(), slot.nanoseconds.end());
    calls += slot.calls;
    errors += slot.errors;
  }
  std::sort(all.begin(), all.end());
  auto microseconds = [&](double fraction) {
    if (all.empty()) return 0.0;
    return all[std::min(all.size() - 1, static_cast<size_t>(all.size() * fraction))] / 1000.0;
  };
  std::cout << "{\"calls\":" << all.size() << ",\"all_calls\":" << calls << ",\"seconds\":" << seconds
            << ",\"rate\":" << all.size() / seconds << ",\"p50_us\":" << microseconds(0.5)
            << ",\"p99_us\":" << microseconds(0.99) << ",\"errors\":" << errors << "}" << std::endl;
}

}  // namespace

int main(int argc, char **argv) {
  Flags flags(argc, argv);
  auto channel = grpc::CreateChannel(flags.text("target"), grpc::InsecureChannelCredentials());
  if (!channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(10))) {
    std::cerr << "no answer from " << flags.text("target") << "\n";
    return 1;
  }
  auto stub = Echo::NewStub(channel);
  EchoMessage request;
  request.set_payload(std::string(static_cast<size_t>(flags.number("payload-bytes")), 'x'));
  double seconds = flags.number("seconds");
  auto after = [](double length) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(length));
  };
  Window window;
  window.start = Clock::now() + after(flags.number("warm-up"));
  window.end = window.start + after(seconds);
  std::vector<Slot> slots(static_cast<size_t>(flags.number("in-flight")));
  if (flags.text("api") == "callback") {
    CallbackLoad(*stub, request, window).run(slots);
  } else {
    QueueLoad(*stub, request, window).run(slots);
  }
  print(slots, seconds);
}
