import DitherBasics
import DitherJobs
import DitherProto
import DitherStore
import DitherTransport
import Foundation

extension Job {
  /// Its state, and why, where it says so.
  var standing: String { reason.isEmpty ? state.rawValue : "\(state.rawValue): \(reason)" }

  /// Its message, without the state's own word before it.
  var reason: String {
    let word = state.rawValue + " "
    return message.hasPrefix(word) ? String(message.dropFirst(word.count)) : message
  }
}

extension Dither_V1_AuditState {
  init(_ job: Job) {
    self.init()
    audit = job.id
    state =
      switch job.state {
      case .queued: .queued
      case .running: .running
      case .done: .done
      case .failed: .failed
      case .cancelled: .cancelled
      }
    message = job.message
    createdMs = job.createdMilliseconds
    guard let spec = try? AuditSpec(job) else {
      // A job that cannot be read has its name all the same.
      let parts = job.subject.split(separator: "@", maxSplits: 1)
      model = parts.first.map(String.init) ?? job.subject
      version = parts.count == 2 ? UInt64(parts[1]) ?? 0 : 0
      if version == 0 { model = job.subject }
      return
    }
    model = spec.model.name
    version = UInt64(spec.model.version)
    battery = spec.battery
    if battery.isEmpty { probes = spec.probes.map(\.probe) }
  }
}

extension Dither_V1_AuditEvent {
  init(_ event: JobEvent, of audit: String) {
    self.init()
    switch event {
    case .state(let job): state = Dither_V1_AuditState(job)
    case .progress(let news):
      progress.audit = audit
      progress.probe = news.title
      progress.shardsDone = UInt32(news.done)
      progress.shards = UInt32(news.shards)
      progress.secondsLeft = news.secondsLeft ?? -1
    case .report(let json, let html):
      report.audit = audit
      report.json = Data(json)
      report.html = Data(html)
    }
  }
}

extension ResponseWriter where Response == Dither_V1_AuditEvent {
  /// Sends what becomes of a job until it has ended.
  /// - Throws: when the events end before the job does, as they do when the server drains.
  func forward(_ events: AsyncStream<JobEvent>) async throws {
    var audit = "", isOver = false
    for await event in events {
      if case .state(let job) = event {
        audit = job.id
        isOver = job.state.isFinal
      }
      try await self(Dither_V1_AuditEvent(event, of: audit))
    }
    guard isOver else {
      throw ServiceError(
        .draining, at: "audit '\(audit)'", expected: "a server that goes on", got: "one that is draining",
        advice: "watch the audit when the server is back")
    }
  }
}
