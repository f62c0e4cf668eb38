import DitherBasics
import DitherJobs
import DitherProto
import DitherRobustness
import DitherTensor
import DitherTransport
import Foundation

/// `Robustness/Corrupt`: inputs as an audit corrupts them.
package struct CorruptCall: UnaryCall {
  package static let method = Dither_V1_Robustness.corrupt
  package static let policy = CallPolicy(role: .audit)

  let pool: ComputePool
  let limits: ServerConfiguration.Limits

  package init(_ services: Services) {
    pool = services.fitting
    limits = services.limits
  }

  package func answer(_ request: Dither_V1_CorruptRequest, _ caller: Caller) async throws -> Dither_V1_CorruptResponse {
    try await pool.run { try corrupt(request, caller) }
  }

  private func corrupt(_ request: Dither_V1_CorruptRequest, _ caller: Caller) throws -> Dither_V1_CorruptResponse {
    _ = try Catalog<any Corruption.Type>.corruptions.entry(named: request.corruption)
    guard
      let probe = try ProbeSpec(request.corruption, request.parameters).resolved() as? any CorruptingProbe
    else {
      throw ServiceError(
        .badField, at: "corruption", expected: "the name of a corruption", got: "'\(request.corruption.clipped())'")
    }
    let inputs = try AuditExamples.inputs(request.inputs, at: "inputs"), count = inputs.rowCount
    guard count <= limits.rowsPerRequest else {
      throw ServiceError(
        .badField, at: "inputs.shape", expected: "at most \(limits.rowsPerRequest) rows", got: "\(count)",
        advice: "send them in several requests, with `first` going on")
    }
    if let at = inputs.elements.firstIndex(where: { !(0...1).contains($0) }) {
      throw ServiceError(
        .badField, at: "inputs.data", expected: "numbers from 0 to 1", got: "\(inputs.elements[at]) at element \(at)")
    }
    guard request.first <= UInt64(Int64.max) else {
      throw ServiceError(.badField, at: "first", expected: "a number below 2^63", got: "\(request.first)")
    }
    var response = Dither_V1_CorruptResponse()
    response.outputs = request.inputs
    // Bytes come back as bytes, all else, integers too, as what it is after the corruption.
    if request.inputs.type != .uint8 { response.outputs.type = .float32 }
    response.outputs.data = Data(capacity: request.inputs.data.count)
    // In pieces, so that a caller who has gone is noticed.
    for start in stride(from: 0, to: count, by: 64) {
      try caller.proceed()
      let rows = start..<min(start + 64, count)
      let changed = try probe.corrupted(
        inputs.rows(rows), identities: rows.map { request.first + UInt64($0) }, seed: request.seed)
      if request.inputs.type == .uint8 {
        response.outputs.data.append(contentsOf: changed.elements.lazy.map { UInt8(($0 * 255).rounded()) })
      } else {
        changed.elements.withUnsafeBytes { response.outputs.data.append(contentsOf: $0) }
      }
    }
    return response
  }
}
