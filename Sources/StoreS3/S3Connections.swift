import DitherStore
import Dispatch
import Foundation
import Synchronization

/// A few connections. A task that wants one when all are taken waits without holding a thread; requests wait for the
/// network on threads of Dispatch, as many as there are connections: one of libcurl may go from thread to thread, which
/// a line of libpq does not.
final class S3Connections: Sendable {
  /// Requests that are under way at once, at most.
  static let most = 8
  /// Times that a request is tried.
  private static let attempts = 4

  private struct State {
    var free: [S3Connection] = []
    var made = 0
    var waiting: [CheckedContinuation<S3Connection, Never>] = []
  }
  private let state = Mutex(State())
  private let place: S3Place
  private let threads = DispatchQueue(label: "dither.s3", attributes: .concurrent)

  init(_ place: S3Place) { self.place = place }

  /// An answer that is neither a failure of the server nor a loss on the way: those are tried again, later each time.
  /// - Throws: the last silence; an answer that says that the server fails is given as it is.
  func answer(to request: S3Request) async throws(S3Silence) -> S3Answer {
    var attempt = 1
    while true {
      let pause: Double
      switch await once(request) {
      case .success(let answer):
        guard answer.mayPass, attempt < Self.attempts else { return answer }
        pause = min(answer.headers["retry-after"].flatMap(Double.init) ?? 0, 5)
      case .failure(let silence):
        guard silence.mayPass, attempt < Self.attempts else { throw silence }
        pause = 0
      }
      // 0.1, 0.4, 1.6 s, and up to half as much more, so that servers that were refused together do not come together.
      let wait = max(0.1 * pow(4, Double(attempt - 1)) * Double.random(in: 1...1.5), pause)
      // A task that was cancelled goes on at once: what was begun is ended.
      try? await Task.sleep(for: .seconds(wait))
      attempt += 1
    }
  }

  private func once(_ request: S3Request) async -> Result<S3Answer, S3Silence> {
    let connection = await take()
    let result: Result<S3Answer, S3Silence> = await withCheckedContinuation { continuation in
      threads.async {
        do throws(S3Silence) { continuation.resume(returning: .success(try connection.perform(request))) } catch {
          continuation.resume(returning: .failure(error))
        }
      }
    }
    giveBack(connection)
    return result
  }

  private func take() async -> S3Connection {
    await withCheckedContinuation { continuation in
      let connection = state.withLock { state -> S3Connection? in
        if let free = state.free.popLast() { return free }
        guard state.made < Self.most else {
          state.waiting.append(continuation)
          return nil
        }
        state.made += 1
        return S3Connection(place)
      }
      if let connection { continuation.resume(returning: connection) }
    }
  }

  private func giveBack(_ connection: S3Connection) {
    let next = state.withLock { state -> CheckedContinuation<S3Connection, Never>? in
      if !state.waiting.isEmpty { return state.waiting.removeFirst() }
      state.free.append(connection)
      return nil
    }
    next?.resume(returning: connection)
  }
}

extension S3Answer {
  /// Whether it is of a server that fails or is busy, or of bytes that were lost on the way.
  var mayPass: Bool {
    if [408, 429, 500, 502, 503, 504].contains(status) { return true }
    // A part of a large file can be told to have failed by an answer that has begun as a success.
    if status == 200, errorCode != nil { return true }
    return status == 400
      && ["BadDigest", "IncompleteBody", "RequestTimeout", "XAmzContentSHA256Mismatch"].contains(errorCode ?? "")
  }

  /// `NoSuchBucket`, as answers with an error have it.
  var errorCode: String? {
    guard status >= 300 || body.count < 4096 else { return nil }
    return elements("Error").first?.text("Code")
  }
}
