import DitherDatasets
import DitherTestSupport
import Foundation

/// A folder of a test's own, with files in it.
struct Folder {
  private let scratch: Scratch
  var path: String { scratch.path }

  /// - Parameter files: by their names below the folder.
  init(_ files: [String: [UInt8]] = [:]) throws {
    scratch = try Scratch()
    for (name, bytes) in files { try write(bytes, name) }
  }

  init(texts: [String: String]) throws { try self.init(texts.mapValues { Array($0.utf8) }) }

  func write(_ bytes: [UInt8], _ name: String) throws {
    let place = URL(filePath: scratch.file(name))
    try FileManager.default.createDirectory(at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: place)
  }

  func file(_ name: String) -> String { scratch.file(name) }

  /// What a reference to something in it reads.
  func load(_ name: String, _ split: Split = .test, targets: TargetKind? = nil) throws -> Dataset {
    try Dataset.load(
      name.split(separator: ".npy,").map { scratch.file(String($0)) }.joined(separator: ".npy,"), split, access: .paths,
      targets: targets)
  }
}

/// Small pictures.
enum Pictures {
  /// One gray for all pixels.
  static func gray(_ value: UInt8, width: Int = 4, height: Int = 4) -> [UInt8] {
    Written.png(
      width, height, .gray, lines: [[UInt8]](repeating: [UInt8](repeating: value, count: width), count: height))
  }
  static func color(_ r: UInt8, _ g: UInt8, _ b: UInt8, width: Int = 4, height: Int = 4) -> [UInt8] {
    Written.png(
      width, height, .rgb, lines: [[UInt8]](repeating: (0..<width).flatMap { _ in [r, g, b] }, count: height))
  }

  /// Files of libjpeg-turbo 2.1.5 at quality 95: 8 × 8, 40 left and 200 right.
  static let grayJpeg = bytes(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBgcJBwYGCAsICQoKCgoKBggLDAsKDAkKCgr/"
      + "wAALCAAIAAgBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAABv/EABgQAAIDAAAAAAAAAAAAAAAAAAAKR4bF/9oACAEBAAA/AD63czV3TP/Z")
  /// 16 × 8, (220, 30, 10) left and (20, 30, 240) right.
  static let colorJpeg = bytes(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBgcJBwYGCAsICQoKCgoKBggLDAsKDAkKCgr/"
      + "2wBDAQICAgICAgUDAwUKBwYHCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgr/wAARCAAIABADAREAAhEBAxEB"
      + "/8QAFAABAAAAAAAAAAAAAAAAAAAACP/EABQQAQAAAAAAAAAAAAAAAAAAAAD/xAAWAQEBAQAAAAAAAAAAAAAAAAAJCAr/xAAUEQEAAAAAAAAAAAAAAAAAAAAA"
      + "/9oADAMBAAIRAxEAPwAppXMIO7SoCN//2Q==")
  /// The same in several scans.
  static let progressiveJpeg = bytes(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBgcJBwYGCAsICQoKCgoKBggLDAsKDAkKCgr/"
      + "2wBDAQICAgICAgUDAwUKBwYHCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgr/wgARCAAIABADAREAAhEBAxEB"
      + "/8QAFAABAAAAAAAAAAAAAAAAAAAAB//EABYBAQEBAAAAAAAAAAAAAAAAAAgHCf/aAAwDAQACEAMQAAABKZWwjvSoI//EABQQAQAAAAAAAAAAAAAAAAAAABD/"
      + "2gAIAQEAAQUCP//EABQRAQAAAAAAAAAAAAAAAAAAABD/2gAIAQMBAT8BP//EABQRAQAAAAAAAAAAAAAAAAAAABD/2gAIAQIBAT8BP//EABQQAQAAAAAAAAAA"
      + "AAAAAAAAABD/2gAIAQEABj8CP//EABQQAQAAAAAAAAAAAAAAAAAAABD/2gAIAQEAAT8hP//aAAwDAQACAAMAAAAQA//EABQRAQAAAAAAAAAAAAAAAAAAABD/"
      + "2gAIAQMBAT8QP//EABQRAQAAAAAAAAAAAAAAAAAAABD/2gAIAQIBAT8QP//EABQQAQAAAAAAAAAAAAAAAAAAABD/2gAIAQEAAT8QP//Z")
  /// Four inks, which are no colors here.
  static let inkJpeg = bytes(
    "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwACAQEBAQECAQEBAgICAgIEAwICAgIFBAQDBAYFBgYGBQYGBgcJCAYHCQcGBggLCAkKCgoKCgYICwwLCgwJCgoK/8AA"
      + "FAgACAAIBEMRAE0RAFkRAEsRAP/EABQAAQAAAAAAAAAAAAAAAAAAAAf/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/9oADgRDAE0AWQBLAAA/AA8Hg8Hv/9k="
  )

  private static func bytes(_ text: String) -> [UInt8] { Data(base64Encoded: text).map { [UInt8]($0) } ?? [] }
}
