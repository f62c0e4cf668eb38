import DitherDatasets
import DitherTensor
import Foundation

/// The reference vectors: a folder named by DITHER_REFERENCE, or `shared/reference` beside the package. Where it is absent,
/// the tests that need it are skipped by name.
public enum Golden {
  public static let root: URL? = {
    let environment = ProcessInfo.processInfo.environment["DITHER_REFERENCE"].map { URL(fileURLWithPath: $0) }
    let beside = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appending(
      path: "../../../shared/reference")
    return [environment, beside.standardizedFileURL].compactMap { $0 }
      .first { FileManager.default.fileExists(atPath: $0.path) }
  }()
  public static var isPresent: Bool { root != nil }

  /// Files of `onnx/invalid` that are taken all the same: a stale declaration of a shape is ignored, as onnxruntime does; the
  /// nodes decide.
  public static let taken: Set<String> = ["declared_output_shape.onnx"]

  public static func bytes(_ path: String) throws -> [UInt8] {
    guard let root else { throw CocoaError(.fileNoSuchFile) }
    return [UInt8](try Data(contentsOf: root.appending(path: path)))
  }
  public static func npy(_ path: String) throws -> Npy { try Npy(bytes(path)) }
  public static func tensor(_ path: String) throws -> Tensor { try npy(path).tensor }
  public static func json(_ path: String) throws -> [String: Any] {
    try JSONSerialization.jsonObject(with: Data(lenient(bytes(path)))) as? [String: Any] ?? [:]
  }
  public static func exists(_ path: String) -> Bool {
    root.map { FileManager.default.fileExists(atPath: $0.appending(path: path).path) } ?? false
  }
  public static func folders(in path: String) -> [String] {
    guard let root else { return [] }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: root.appending(path: path).path)) ?? []
    var isFolder: ObjCBool = false
    return names.filter {
      FileManager.default.fileExists(atPath: root.appending(path: "\(path)/\($0)").path, isDirectory: &isFolder)
        && isFolder.boolValue
    }.sorted()
  }
  public static func files(in path: String) -> [String] {
    guard let root else { return [] }
    return ((try? FileManager.default.contentsOfDirectory(atPath: root.appending(path: path).path)) ?? []).sorted()
  }

  /// Python writes NaN and Infinity, which JSON does not have: they become null.
  private static func lenient(_ bytes: [UInt8]) -> [UInt8] {
    let text = String(decoding: bytes, as: UTF8.self)
    return Array(text.replacing(/(?:-?\bInfinity\b|\bNaN\b)/, with: "null").utf8)
  }
}

extension [String: Any] {
  /// A number at a path of keys.
  public func number(_ keys: String...) -> Double? {
    var here: Any? = self
    for key in keys { here = (here as? [String: Any])?[key] }
    return (here as? NSNumber)?.doubleValue
  }
}

/// The largest |a − b|, or infinity where the counts differ or a number is NaN.
public func worstDifference(_ a: some Collection<Float>, _ b: some Collection<Float>) -> Float {
  guard a.count == b.count else { return .infinity }
  return zip(a, b).reduce(0) { worst, pair in
    let d = abs(pair.0 - pair.1)
    return d.isNaN ? .infinity : max(worst, d)
  }
}

extension Tensor {
  /// Uniform on [low, high), by a seed.
  public static func random(_ shape: Shape, seed: UInt64, from low: Float = -1, to high: Float = 1) -> Tensor {
    Tensor(shape, NoiseAddress(seed: seed, site: 0x7E57).uniforms(shape.count).map { low + (high - low) * $0 })
  }
}
