import DitherBasics
import Foundation
internal import SwiftProtobuf

/// Numbers of constants that a model's file keeps in other files beside it, as exporters of large models do.
/// - Source: ONNX 1.20, "External tensor data": `location`, `offset`, `length`, `checksum`.
public enum OnnxExternalData {
  /// Where the numbers of one constant lie.
  public struct Part: Sendable, Equatable {
    /// The file's path below the model's folder, name by name; none is empty, `.` or `..`.
    public let path: [String]
    /// Where they begin, in bytes.
    public let offset: Int
    /// How many bytes they are; nil: all up to the file's end.
    public let length: Int?
  }

  /// The file with all its numbers in it; the same bytes where none lie elsewhere.
  /// - Parameter read: gives a part's bytes, of which there may be `most`; called once for each constant.
  /// - Throws: where the file is malformed or says no place within its folder, where numbers and file are more than
  ///   `limits.fileBytes` together, and what `read` throws.
  public static func joined(
    _ file: [UInt8], limits: OnnxLimits = .standard, read: (_ part: Part, _ most: Int) throws -> [UInt8]
  ) throws -> [UInt8] {
    guard try file.withUnsafeBytes({ try OnnxScan($0).mayPointElsewhere }) else { return file }
    var model = try OnnxReader(file, limits).model
    let joined = try withoutActuallyEscaping(read) { read in
      var joining = Joining(limits: limits, left: limits.fileBytes - file.count, read: read)
      try joining.join(&model.graph)
      return joining.count
    }
    return try joined == 0 ? file : model.serializedBytes()
  }

  /// The walk over a model's constants.
  private struct Joining {
    let limits: OnnxLimits
    /// Bytes that may still come.
    var left: Int
    let read: (Part, Int) throws -> [UInt8]
    var count = 0, depth = 0, bodies = 0

    mutating func join(_ graph: inout Onnx_GraphProto) throws {
      for at in graph.initializer.indices {
        let place = "initializer '\(graph.initializer[at].name.clipped())'"
        try join(&graph.initializer[at], at: place)
      }
      for node in graph.node.indices {
        let place = "node '\(graph.node[node].name.clipped())' (\(graph.node[node].opType.clipped()))"
        for at in graph.node[node].attribute.indices {
          if graph.node[node].attribute[at].hasT { try join(&graph.node[node].attribute[at].t, at: place) }
          if !graph.node[node].attribute[at].g.isEmpty { try join(body: &graph.node[node].attribute[at].g, at: place) }
        }
      }
    }

    /// A graph inside a node, which the reader takes for bytes until it knows that it is wanted.
    private mutating func join(body bytes: inout Data, at place: String) throws {
      bodies += 1
      guard depth < 8, bodies <= 256 else {
        throw GraphError(.tooLarge, at: place, expected: "at most 256 graphs inside nodes, 8 deep", got: "more")
      }
      let scan = try bytes.withUnsafeBytes { try OnnxScan(graph: $0) }
      guard scan.mayPointElsewhere, scan.parts <= limits.parts, scan.listedBytes <= limits.listedBytes else { return }
      var graph = try Onnx_GraphProto(serializedBytes: bytes)
      let before = count
      depth += 1
      try join(&graph)
      depth -= 1
      if count > before { bytes = try graph.serializedBytes() }
    }

    private mutating func join(_ tensor: inout Onnx_TensorProto, at place: String) throws {
      guard tensor.dataLocation == .external || !tensor.externalData.isEmpty else { return }
      guard tensor.rawData.isEmpty, tensor.dataLocation == .external else {
        throw GraphError(
          .malformed, at: place, expected: "data in the file or beside it, as data_location says", got: "both")
      }
      let part = try part(tensor.externalData, at: place), bytes = try read(part, left)
      let name = part.path.joined(separator: "/").clipped()
      if let length = part.length, length != bytes.count {
        throw GraphError(
          .malformed, at: place, expected: "\(length) bytes of '\(name)', as its length says", got: "\(bytes.count)")
      }
      guard bytes.count <= left else {
        throw GraphError(
          .tooLarge, at: place, expected: "at most \(limits.fileBytes) bytes of the file and all beside it",
          got: "more, with \(bytes.count) of '\(name)'")
      }
      left -= bytes.count
      count += 1
      tensor.externalData = []
      tensor.clearDataLocation()
      tensor.rawData = Data(bytes)
    }

    private func part(_ entries: [Onnx_StringStringEntryProto], at place: String) throws(GraphError) -> Part {
      func refused(_ expected: String, _ got: String) -> GraphError {
        GraphError(.malformed, at: "\(place), external_data", expected: expected, got: got)
      }
      var words: [String: String] = [:]
      for entry in entries where words.updateValue(entry.value, forKey: entry.key) != nil {
        throw refused("each key once", "'\(entry.key.clipped())' twice")
      }
      guard let location = words["location"] else { throw refused("a location", "none") }
      let path = location.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
      guard location.utf8.count <= 4096, !location.contains("\0"),
        path.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." })
      else { throw refused("a path below the model's folder", "'\(location.clipped())'") }
      func number(_ key: String) throws(GraphError) -> Int? {
        guard let text = words[key] else { return nil }
        guard let number = Int(text), (0...1 << 48).contains(number) else {
          throw refused("a number of bytes as \(key)", "'\(text.clipped())'")
        }
        return number
      }
      let length = try number("length")
      guard length ?? 0 <= left else {
        throw GraphError(
          .tooLarge, at: place, expected: "at most \(limits.fileBytes) bytes of the file and all beside it",
          got: "more, with \(length ?? 0) of '\(location.clipped())'")
      }
      return Part(path: path, offset: try number("offset") ?? 0, length: length)
    }
  }
}
