import DitherBasics
import DitherInference
import DitherProto
import DitherStore
import DitherTransport
import SwiftProtobuf

/// `Registry/Drift`: whether a version's recent inputs and answers are distributed as its calibration's were.
package struct DriftCall: UnaryCall {
  package static let method = Dither_V1_Registry.drift
  package static let policy = CallPolicy(role: nil, defaultDeadline: .seconds(10))

  let registry: ModelRegistry
  let books: Bookkeeping

  package init(_ services: Services) {
    registry = services.registry
    books = services.books
  }

  package func answer(_ request: Dither_V1_DriftRequest, _ caller: Caller) throws -> Dither_V1_DriftResponse {
    let version = try registry.resolve(request.model, for: caller.scope)
    guard let known = try registry.calibration(of: version), let watch = known.watch else {
      throw ServiceError(
        .notReady, at: "model '\(version.reference)'",
        expected: "a calibration, whose examples later answers are compared with",
        got: version.calibration == nil ? "none" : "one that kept no distributions",
        advice: "calibrate it: `dither calibrate \(version.reference) --data …`")
    }
    books.settle()
    let state = watch.current
    return .with {
      $0.model = version.name
      $0.version = UInt64(version.version)
      $0.calibration = UInt64(known.number)
      $0.samples = UInt32(known.fitted.samples)
      $0.window = UInt32(DriftWindow.length)
      $0.filled = UInt32(state.window.filled)
      $0.falseAlarmRate = DriftWindow.falseAlarmRate
      $0.answers = state.window.answers
      $0.otherAnswers = state.otherAnswers
      $0.windows = state.window.windows
      $0.alarms = state.window.alarms
      $0.statistics = state.window.comparisons.map(Dither_V1_DriftResponse.Statistic.init)
    }
  }
}

extension Dither_V1_DriftResponse.Statistic {
  fileprivate init(_ found: DriftWindow.Comparison) {
    self.init()
    name = found.statistic.rawValue
    distance = found.distance
    pValue = found.pValue
    referenceMedian = found.referenceMedian
    recentMedian = found.recentMedian
    drifted = found.isDrifted
    filled = UInt32(found.filled)
  }
}
