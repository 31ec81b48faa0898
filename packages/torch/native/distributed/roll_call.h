// Which ranks of a group are left after a failure, and what they have to say.
#pragma once

#include <napi.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "letters.h"
#include "registry.h"

// The answers of a roll call, as far as they have come; nothing for ranks without one.
struct Answers {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::optional<std::string>> texts;
  bool isDone = false, reached = false;
};

// Leaves this rank's answer, and waits for those of the others.
inline void collectAnswers(const Letters& letters, const std::string& answer, std::chrono::milliseconds wait, const std::shared_ptr<Answers>& answers) {
  const auto end = std::chrono::steady_clock::now() + wait;
  letters.store->set(letterOf("answer", letters.rank), bytesOf(answer));
  for (;;) {
    size_t came = 0;
    for (int rank = 0; rank < letters.size; rank++) {
      const std::string key = letterOf("answer", rank);
      std::optional<std::string> text;
      if (letters.store->check({key})) {
        const auto bytes = letters.store->get(key);
        text = std::string(bytes.begin(), bytes.end());
        came++;
      }
      std::lock_guard<std::mutex> lock(answers->mutex);
      answers->reached = true;
      answers->texts[rank] = text;
    }
    if (came == answers->texts.size() || std::chrono::steady_clock::now() > end) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

// rollCall(group, answer, milliseconds, done): calls done(answers, reached): the text of each rank, null for those that left none
// within the time; `reached` is false when the server of the store gave no answer. On threads of their own: a store that is cut off
// would block for minutes.
inline Napi::Value rollCall(const Napi::CallbackInfo& info) {
  const int64_t group = info[0].As<Napi::Number>().Int64Value();
  const std::string answer = info[1].As<Napi::String>();
  const auto wait = std::chrono::milliseconds(info[2].As<Napi::Number>().Int64Value());
  Letters letters;
  {
    std::lock_guard<std::mutex> lock(registry().mutex);
    const auto found = registry().letters.find(group);
    TORCH_CHECK(found != registry().letters.end(), "the process group is destroyed");
    letters = found->second;
  }
  auto answers = std::make_shared<Answers>();
  answers->texts.resize(letters.size);
  auto done = Napi::ThreadSafeFunction::New(info.Env(), info[3].As<Napi::Function>(), "rollCall", 0, 1);
  std::thread([letters, answer, wait, answers] {
    try {
      collectAnswers(letters, answer, wait, answers);
    } catch (...) {  // the server is gone; what came before remains
    }
    // The others still read here what this rank has found.
    if (letters.serves && letters.size > 1) std::this_thread::sleep_for(std::chrono::milliseconds(500));
    std::lock_guard<std::mutex> lock(answers->mutex);
    answers->isDone = true;
    answers->changed.notify_all();
  }).detach();
  std::thread([wait, answers, done]() mutable {
    std::unique_lock<std::mutex> lock(answers->mutex);
    answers->changed.wait_for(lock, wait + std::chrono::milliseconds(1500), [&] { return answers->isDone; });
    const auto texts = answers->texts;
    const bool reached = answers->reached;
    lock.unlock();
    done.NonBlockingCall([texts, reached](Napi::Env env, Napi::Function callback) {
      auto list = Napi::Array::New(env, texts.size());
      for (uint32_t i = 0; i < texts.size(); i++) list[i] = texts[i] ? Napi::Value(Napi::String::New(env, *texts[i])) : env.Null();
      callback.Call({list, Napi::Boolean::New(env, reached)});
    });
    done.Release();
  }).detach();
  return info.Env().Undefined();
}
