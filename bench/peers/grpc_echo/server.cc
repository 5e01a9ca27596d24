// gRPC C++ echo server: `--api callback` or `--api queue`; prints the port it listens on.
// The queue form has one completion queue a thread, which is what gRPC's own benchmarks run fastest.
#include <grpcpp/grpcpp.h>

#include <memory>
#include <thread>
#include <vector>

#include "echo.grpc.pb.h"
#include "flags.h"

using loci::bench::Echo;
using loci::bench::EchoMessage;

namespace {

class CallbackEcho final : public Echo::CallbackService {
  grpc::ServerUnaryReactor *Echo(grpc::CallbackServerContext *context, const EchoMessage *request,
                                 EchoMessage *response) override {
    response->set_payload(request->payload());
    auto *reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

// One call of the queue form: waiting for a request, then finishing; then a new one takes its place.
class QueuedCall {
 public:
  QueuedCall(Echo::AsyncService *service, grpc::ServerCompletionQueue *queue)
      : service_(service), queue_(queue), writer_(&context_) {
    service_->RequestEcho(&context_, &request_, &writer_, queue_, queue_, this);
  }

  void proceed(bool ok) {
    if (finishing_ || !ok) {
      delete this;
      return;
    }
    new QueuedCall(service_, queue_);
    finishing_ = true;
    EchoMessage response;
    response.set_payload(request_.payload());
    writer_.Finish(response, grpc::Status::OK, this);
  }

 private:
  Echo::AsyncService *service_;
  grpc::ServerCompletionQueue *queue_;
  grpc::ServerContext context_;
  EchoMessage request_;
  grpc::ServerAsyncResponseWriter<EchoMessage> writer_;
  bool finishing_ = false;
};

void listen(grpc::ServerBuilder &builder, int *port) {
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), port);
}

void announce(int port) { std::cout << "127.0.0.1:" << port << std::endl; }

int serveCallbacks() {
  CallbackEcho service;
  grpc::ServerBuilder builder;
  int port = 0;
  listen(builder, &port);
  builder.RegisterService(&service);
  auto server = builder.BuildAndStart();
  if (!server) return 1;
  announce(port);
  server->Wait();
  return 0;
}

int serveQueues(int threads) {
  Echo::AsyncService service;
  grpc::ServerBuilder builder;
  int port = 0;
  listen(builder, &port);
  builder.RegisterService(&service);
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues;
  for (int i = 0; i < threads; i++) queues.push_back(builder.AddCompletionQueue());
  auto server = builder.BuildAndStart();
  if (!server) return 1;
  std::vector<std::thread> workers;
  for (auto &queue : queues) {
    workers.emplace_back([&service, queue = queue.get()] {
      for (int i = 0; i < 128; i++) new QueuedCall(&service, queue);
      void *tag;
      bool ok;
      while (queue->Next(&tag, &ok)) static_cast<QueuedCall *>(tag)->proceed(ok);
    });
  }
  announce(port);
  for (auto &worker : workers) worker.join();
  return 0;
}

}  // namespace

int main(int argc, char **argv) {
  Flags flags(argc, argv);
  if (flags.text("api") == "callback") return serveCallbacks();
  return serveQueues(static_cast<int>(flags.number("threads")));
}
