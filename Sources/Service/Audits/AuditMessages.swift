import DitherProto
import DitherStore
import Foundation

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
    guard let spec = try? AuditSpec(job) else { return }
    model = spec.model.name
    version = UInt64(spec.model.version)
    battery = spec.battery
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
