import DitherBasics
import DitherDatasets
import DitherGraph
import DitherInference
import DitherProto
import DitherReports
import DitherRobustness
import DitherTensor
import DitherTrain
import Foundation
import FuzzDriver
import SwiftProtobuf

@main
enum Fuzzer {
  static func main() { Reader.fuzz(Reader.all) }
}

extension Reader {
  fileprivate static let all = [
    Reader(name: "frames", read: frames), Reader(name: "grpc", read: grpc), Reader(name: "messages", read: messages),
    Reader(name: "onnx", read: onnx),
    Reader(name: "noise") { bytes in
      let noise = try JSONDecoder().decode(NoiseModel.self, from: Data(bytes))
      try noise.validate()
      let again = try JSONDecoder().decode(NoiseModel.self, from: JSONEncoder().encode(noise))
      precondition(again == noise, "a noise model that was read is written as it was")
    },
    Reader(name: "npy") { bytes in
      let array = try Npy(bytes)
      guard array.shape.count < 1 << 20 else { return }
      let again = try Npy(array.bytes)
      // NaN is not equal to itself: what is written is what was written before.
      precondition(again.bytes == array.bytes, "an array that was read is written alike twice")
    },
    Reader(name: "png") { _ = try Png($0, channels: 3, at: "fuzz") },
    Reader(name: "picture") { _ = try PictureFile($0, channels: 3, at: "fuzz") },
    Reader(name: "zip") { bytes in
      let zip = try Zip(bytes, at: "fuzz")
      for name in zip.names.prefix(16) { _ = try? zip.member(name) }
    },
    Reader(name: "csv") { _ = try Csv($0, at: "fuzz") },
    Reader(name: "idx") { _ = try Idx($0, at: "fuzz") },
    Reader(name: "gzip") { _ = try Gzip.unpack($0, at: "fuzz", limit: 1 << 22) },
    Reader(name: "tar") { _ = try Tar.member("data.bin", of: $0, at: "fuzz") },
    Reader(name: "recipe") { _ = try Recipe(yaml: String(decoding: $0, as: UTF8.self)) },
    Reader(name: "card") { bytes in
      let card = try ModelCard(markdown: String(decoding: bytes, as: UTF8.self), at: "fuzz")
      let again = try ModelCard(markdown: card.markdown, at: "again")
      precondition(again == card, "a card that was read is written as what it was")
    },
    Reader(name: "report", read: report),
    Reader(name: "probe") { bytes in
      let text = String(decoding: bytes, as: UTF8.self)
      if let spec = try? ProbeSpec(parsing: text) { _ = try? spec.resolved() }
      _ = try Gate(parsing: text)
    },
  ]

  /// A connection's bytes, cut at places that its first byte chooses, through the decoder and the server's state machine.
  private static func frames(_ bytes: [UInt8]) throws {
    guard let step = bytes.first.map({ Int($0 % 32) + 1 }) else { return }
    var decoder = FrameReader(limit: 1 << 16), connection = ServerConnection(WireLimits())
    for start in stride(from: 1, to: bytes.count, by: step) {
      decoder.append(bytes[start..<min(start + step, bytes.count)])
      while let frame = try decoder.next() {
        for action in connection.receive(frame) {
          switch action {
          case .send(let frame): _ = FrameCodec.encode(frame)
          case .message(let call, let payload): _ = connection.consumed(call, payload.count)
          case .halfClose(let call): _ = connection.end(call, nil, last: Data([1]))
          case .close: return
          default: break
          }
        }
      }
    }
  }

  /// The first byte chooses where the bytes are cut; then lines of headers, an empty line, and the stream's bytes.
  private static func grpc(_ bytes: [UInt8]) throws {
    guard let step = bytes.first.map({ Int($0 % 32) + 1 }) else { return }
    let head = bytes.dropFirst().firstRange(of: [10, 10])
    let headers = bytes[1..<(head?.lowerBound ?? bytes.count)].split(separator: 10).map { line in
      let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 1, omittingEmptySubsequences: false)
      func text(_ part: ArraySlice<UInt8>?) -> String { String(decoding: part ?? [], as: UTF8.self) }
      return (name: text(parts.first), value: text(parts.last))
    }
    var stream = GrpcStream(messageBytes: 1 << 12), error: CallError?
    func perform(_ action: GrpcStream.Action) {
      switch action {
      case .message: _ = stream.message()
      case .refuse(let refusal): error = refusal
      default: break
      }
    }
    if let action = stream.receive(headers: headers, endStream: head == nil) { perform(action) }
    for start in stride(from: head?.upperBound ?? bytes.count, to: bytes.count, by: step) {
      stream.receive(bytes[start..<min(start + step, bytes.count)], endStream: start + step >= bytes.count)
      while let action = stream.next(), !stream.isOver {
        perform(action)
        if error != nil { break }
      }
      precondition(stream.pendingBytes <= 1 << 17, "more is held than a message may have")
    }
    if let end = stream.finish() { _ = GrpcTrailers.headers(error, isAlone: end.isAlone) }
  }

  /// What is taken can be written and taken again, and what can be served answers, for one row and for three.
  private static func onnx(_ bytes: [UInt8]) throws {
    var limits = OnnxLimits.standard
    limits.elements = 1 << 16
    limits.activationBytes = 1 << 20
    limits.operations = 1e7
    // Places of numbers in other files lie below the model's folder, and no more is asked for than may come.
    let whole = try OnnxExternalData.joined(bytes, limits: limits) { part, most in
      let isBelow = !part.path.isEmpty && part.path.allSatisfy { !["", ".", ".."].contains($0) }
      precondition(isBelow, "a path below a folder")
      precondition(part.offset >= 0 && part.length ?? 0 <= most && most <= limits.fileBytes, "no more than may come")
      return [UInt8](repeating: 0x3F, count: min(part.length ?? 12, 1 << 16))
    }
    let graph = try Graph(onnx: whole, limits: limits)
    if let written = try? graph.onnx() { _ = try Graph(onnx: written) }
    let model = try Model(graph), signature = model.signature
    for rows in [1, 3] {
      let inputs = try Tensor(Shape([rows] + signature.inputShape.dimensions)) { out in
        for index in out.indices { out[index] = Float(index % 7) / 7 }
      }
      let outputs = try model.outputs(inputs)
      precondition(outputs.rowCount == rows, "an answer for each row")
      _ = try model.sampledOutputs(inputs, NoiseDraws(0..<2, seeds: (0..<rows).map { UInt64($0) }))
    }
  }

  /// The first byte chooses the type; what is decoded is encoded and decoded again.
  private static func messages(_ bytes: [UInt8]) throws {
    let types: [any Message.Type] = [
      Dither_V1_PredictRequest.self, Dither_V1_AuditRequest.self, Dither_V1_UploadRequest.self,
      Dither_V1_CalibrateRequest.self, Dither_V1_CorruptRequest.self, Dither_V1_Frame.self, Dither_V1_AuditReport.self,
    ]
    guard let first = bytes.first else { return }
    let type = types[Int(first) % types.count], message = try type.init(serializedBytes: Array(bytes.dropFirst()))
    _ = try type.init(serializedBytes: message.serializedBytes() as [UInt8])
    _ = try message.jsonUTF8Bytes() as [UInt8]
  }

  /// All three forms, signed or not.
  private static func report(_ bytes: [UInt8]) throws {
    _ = try? ReportForm(of: bytes).opened(bytes)
    _ = try? Dither_V1_AuditReport(protobuf: bytes).ordered()
    if let message = try? Dither_V1_AuditReport(json: bytes) { _ = try? message.ordered() }
    if let report = try? Report(json: Data(bytes)) { _ = report.html() }
  }
}
