import DitherBasics
import Foundation

/// The files of one reference: read within bounds, never outside of the folder that was named, and noted by their
/// digests.
public struct OwnFiles: Sendable {
  /// As the user wrote it.
  public let path: String
  /// Whether it is a folder.
  public let isFolder: Bool
  /// The files of a reference that names files, in its order; the folder otherwise.
  let places: [String]
  private var read: [(name: String, digest: String, bytes: Int)] = []

  /// As many files as a folder may have.
  static let mostFiles = 2_000_000
  /// Bytes of a file: one of tables and texts is taken apart in memory.
  static let mostBytes = 1 << 32

  /// - Parameter path: a folder, a file, or files with commas between.
  /// - Throws: `absent` where there is none of them.
  public init(_ path: String) throws(DatasetError) {
    self.path = path
    let expanded = (path as NSString).expandingTildeInPath
    let isOne = FileManager.default.fileExists(atPath: expanded)
    places = isOne ? [expanded] : expanded.split(separator: ",").map { String($0) }
    var isFolder: ObjCBool = false
    for place in places.isEmpty ? [expanded] : places {
      guard FileManager.default.fileExists(atPath: place, isDirectory: &isFolder) else {
        throw DatasetError(
          .absent, at: "data '\(path.clipped())'", expected: "a file or a folder", got: "none at \(place.clipped())",
          advice:
            "paths begin at the folder that the command runs in; sets that have a name are those of `dither data list`")
      }
    }
    self.isFolder = isOne && isFolder.boolValue
  }

  /// The ending of each file's name in lower case, without that of gzip.
  public var endings: [String] {
    isFolder
      ? []
      : places.map { place in
        let name = place.lowercased()
        return URL(filePath: name.hasSuffix(".gz") ? String(name.dropLast(3)) : name).pathExtension
      }
  }

  /// The files that were read, once they are.
  var origin: DataOrigin {
    let sorted = read.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    let lines = sorted.map { "\($0.digest)  \($0.name)\n" }.joined()
    return DataOrigin(
      path: path, sha256: read.count == 1 ? read[0].digest : Sha256.hash(Array(lines.utf8)).hex, files: read.count,
      bytes: read.reduce(0) { $0 + $1.bytes })
  }

  // MARK: files

  /// A file of a reference that names files, unpacked.
  mutating func content(_ index: Int = 0, most: Int = mostBytes) throws(DatasetError) -> [UInt8] {
    let place = places[index], bytes = try Self.bytes(at: place, most: most)
    note(places.count == 1 ? URL(filePath: place).lastPathComponent : place, bytes)
    return Gzip.isGzip(bytes) ? try Gzip.unpack(bytes, at: place, limit: most) : bytes
  }

  /// The first bytes of a file, unpacked; empty where it cannot be read.
  func head(_ count: Int) -> [UInt8] {
    guard !isFolder, let place = places.first, Self.isRegular(place), let file = FileHandle(forReadingAtPath: place)
    else { return [] }
    defer { try? file.close() }
    let bytes = [UInt8]((try? file.read(upToCount: count)) ?? Data())
    guard Gzip.isGzip(bytes) else { return bytes }
    return (try? Gzip.unpack(Self.bytes(at: place, most: Self.mostBytes), at: place)) ?? []
  }

  /// Notes a file of a folder as read.
  mutating func note(_ name: String, _ bytes: [UInt8]) {
    read.append((name, Sha256.hash(bytes).hex, bytes.count))
  }

  static func bytes(at place: String, most: Int) throws(DatasetError) -> [UInt8] {
    let size = (try? FileManager.default.attributesOfItem(atPath: resolved(place)))?[.size] as? Int ?? 0
    guard isRegular(place) else {
      throw DatasetError(.unsupported, at: place.clipped(), expected: "a plain file", got: "something else")
    }
    guard size <= most else {
      throw DatasetError(.tooLarge, at: place.clipped(), expected: "at most \(most) bytes", got: "\(size)")
    }
    do { return [UInt8](try Data(contentsOf: URL(filePath: place))) } catch {
      throw DatasetError(
        .disk, at: place.clipped(), expected: "a file that can be read", got: error.localizedDescription)
    }
  }

  private static func isRegular(_ place: String) -> Bool {
    var facts = stat()
    return stat(place, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG
  }

  private static func resolved(_ place: String) -> String {
    guard let real = realpath(place, nil) else { return place }
    defer { free(real) }
    return String(cString: real)
  }

  // MARK: folders

  /// Names in a folder below the one that was named, in the order of their bytes, without hidden ones; those of folders
  /// end in a slash.
  /// - Parameter folder: relative; empty: the one that was named.
  /// - Throws: where a link leads out of it.
  func names(in folder: String) throws(DatasetError) -> [String] {
    let home = Self.resolved(places[0]), here = home + (folder.isEmpty ? "" : "/" + folder)
    let found: [String]
    do { found = try FileManager.default.contentsOfDirectory(atPath: here) } catch {
      throw DatasetError(
        .disk, at: here.clipped(), expected: "a folder that can be read", got: error.localizedDescription)
    }
    guard found.count <= Self.mostFiles else {
      throw DatasetError(
        .tooLarge, at: here.clipped(), expected: "at most \(Self.mostFiles) files", got: "\(found.count)")
    }
    var names: [String] = []
    for name in found.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) where !name.hasPrefix(".") {
      let place = here + "/" + name, real = Self.resolved(place)
      guard real == home || real.hasPrefix(home + "/") else {
        throw DatasetError(
          .unsupported, at: place.clipped(), expected: "a link that stays in \(home.clipped())",
          got: "one to \(real.clipped())",
          advice: "copy the file into the folder")
      }
      var isFolder: ObjCBool = false
      _ = FileManager.default.fileExists(atPath: place, isDirectory: &isFolder)
      names.append(isFolder.boolValue ? name + "/" : name)
    }
    return names
  }

  /// A file of the folder.
  /// - Parameter name: relative to it.
  func bytes(of name: String, most: Int) throws(DatasetError) -> [UInt8] {
    try Self.bytes(at: places[0] + "/" + name, most: most)
  }
}
