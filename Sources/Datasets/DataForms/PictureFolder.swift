import DitherBasics
import DitherTensor

/// A folder of pictures: `DIR/train/CLASS/*` and `DIR/test/CLASS/*`, or `DIR/CLASS/*`, PNG or JPEG.
struct PictureFolder: DataForm {
  static let name = "pictures"
  static let summary = "a folder of pictures: DIR/CLASS/*.png|jpg, or DIR/train/CLASS/* and DIR/test/CLASS/*"
  static func takes(_ files: OwnFiles) -> Bool { files.isFolder }

  /// `32`, or `48x32` for width and height: to which every picture is brought; nil: they have one size already.
  var size: String?
  /// 1 or 3; nil: 1 where no picture has colors.
  var channels: Int?
  /// The share of a picture's middle that is kept when it is brought to `size`, from above 0 to 1; nil: 1.
  var crop: Double?
  /// nil: `chw`.
  var axes: PictureAxes?

  func check() throws(CatalogError) {
    try require(size == nil || sides != nil, "size", "a side from 1 to 4096, or WIDTHxHEIGHT", size ?? "")
    try require(channels.map { $0 == 1 || $0 == 3 } ?? true, "channels", "1 or 3", channels ?? 0)
    try require(
      crop.map { $0 > 0 && $0 <= 1 && size != nil } ?? true, "crop", "a share from above 0 to 1, beside a size",
      crop ?? 0)
  }

  private var sides: (width: Int, height: Int)? {
    let numbers = (size ?? "").split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
    guard (1...2).contains(numbers.count), numbers.allSatisfy({ (1...4096).contains($0) }) else { return nil }
    return (numbers[0], numbers[numbers.count - 1])
  }

  /// Bytes of a picture's file.
  private static let mostBytes = 1 << 26
  /// Numbers of all pictures of a part.
  private static let mostNumbers = 1 << 30
  private static let mostClasses = 10_000

  /// A picture before it is decoded.
  private struct Entry {
    var path: String, label: Int, head: PictureHead
  }

  func load(_ split: Split, from files: inout OwnFiles) throws -> Dataset {
    let folders = try files.names(in: "")
    let parted = folders.filter { $0 == "train/" || $0 == "test/" }
    guard parted.isEmpty || parted.count == folders.count(where: { $0.hasSuffix("/") }) else {
      throw DatasetError(
        .malformed, at: files.path.clipped(), expected: "train and test alone, or a folder for each class",
        got: folders.joined(separator: " ").clipped())
    }
    let roots = parted.isEmpty ? [""] : ["train/", "test/"].filter(parted.contains)
    let classes = try classNames(of: roots, in: files)
    var byRoot: [String: [Entry]] = [:]
    for root in roots { byRoot[root] = try entries(in: root, classes, &files) }
    let all = roots.flatMap { byRoot[$0] ?? [] }, chosen: [Entry]
    if parted.isEmpty {
      let holdout = Holdout(labels: all.map(\.label), classes: classes.count)
      var counts = [Int](repeating: 0, count: classes.count)
      for entry in all { counts[entry.label] += 1 }
      if let few = counts.firstIndex(where: { $0 < 2 }) {
        throw DatasetError(
          .malformed, at: "\(files.path.clipped())/\(classes[few].clipped())",
          expected: "at least two pictures, one to train on and one to test", got: "one")
      }
      chosen = holdout.rows(split).map { all[$0] }
    } else {
      guard let own = byRoot["\(split.rawValue)/"] else {
        throw DatasetError(
          .absent, at: files.path.clipped(), expected: "a folder '\(split.rawValue)'", got: "'\(parted[0])' alone",
          advice: "move some pictures there, or put the class folders into \(files.path.clipped()) itself")
      }
      var order = own, generator = PhiloxGenerator(seed: 0)
      order.shuffle(using: &generator)
      chosen = order
    }
    var set = try dataset(chosen, of: all, classes, files)
    set.undividedCount = parted.isEmpty ? all.count : nil
    return set
  }

  /// The folders' names in their order; a test part may lack some.
  private func classNames(of roots: [String], in files: OwnFiles) throws(DatasetError) -> [String] {
    var names: [String] = []
    for (at, root) in roots.enumerated() {
      var found: [String] = []
      for name in try files.names(in: root) {
        guard name.hasSuffix("/") else {
          throw DatasetError(
            .malformed, at: "\(files.path.clipped())/\(root)\(name.clipped())",
            expected: "folders named as the classes, with the pictures in them", got: "a file",
            advice: "layouts: \(Self.summary)")
        }
        found.append(String(name.dropLast()))
      }
      if at == 0 { names = found }
      if let stranger = found.first(where: { !names.contains($0) }) {
        throw DatasetError(
          .malformed, at: "\(files.path.clipped())/\(root)\(stranger.clipped())",
          expected: "a class of the training part: \(names.joined(separator: ", ").clipped())",
          got: "'\(stranger.clipped())'", advice: nearest(to: stranger, among: names).map { "did you mean '\($0)'?" })
      }
    }
    guard (2...Self.mostClasses).contains(names.count) else {
      throw DatasetError(
        .malformed, at: files.path.clipped(), expected: "2 to \(Self.mostClasses) folders, one a class",
        got: names.isEmpty ? "none" : "\(names.count)", advice: "layouts: \(Self.summary)")
    }
    return names
  }

  private func entries(in root: String, _ classes: [String], _ files: inout OwnFiles) throws(DatasetError) -> [Entry] {
    var found: [Entry] = []
    for folder in try files.names(in: root) {
      guard let label = classes.firstIndex(of: String(folder.dropLast())) else { continue }
      let pictures = try files.names(in: root + folder)
      guard !pictures.isEmpty else {
        throw DatasetError(
          .malformed, at: "\(files.path.clipped())/\(root)\(folder)", expected: "pictures", got: "an empty folder")
      }
      for name in pictures {
        let path = root + folder + name, place = "\(files.path)/\(path)"
        let ending = name.split(separator: ".").last.map { $0.lowercased() } ?? ""
        guard PictureFile.endings.contains(ending) else {
          throw DatasetError(
            .unsupported, at: place.clipped(to: 300), expected: "pictures that end in .png, .jpg or .jpeg",
            got: name.hasSuffix("/") ? "a folder" : "'.\(ending.clipped())'", advice: "move it out of the folder")
        }
        guard found.count < OwnFiles.mostFiles else {
          throw DatasetError(
            .tooLarge, at: files.path.clipped(), expected: "at most \(OwnFiles.mostFiles) pictures", got: "more")
        }
        let bytes = try files.bytes(of: path, most: Self.mostBytes)
        files.note(path, bytes)
        found.append(Entry(path: path, label: label, head: try PictureFile.head(bytes, at: place.clipped(to: 300))))
      }
    }
    return found
  }

  private func dataset(
    _ chosen: [Entry], of all: [Entry], _ classes: [String], _ files: OwnFiles
  ) throws(DatasetError) -> Dataset {
    guard let first = all.first else {
      throw DatasetError(.malformed, at: files.path.clipped(), expected: "pictures", got: "none")
    }
    let wanted = sides ?? (first.head.width, first.head.height)
    if sides == nil, let other = all.first(where: { ($0.head.width, $0.head.height) != wanted }) {
      let side = min(wanted.0, wanted.1, other.head.width, other.head.height)
      throw DatasetError(
        .malformed, at: "\(files.path)/\(other.path)".clipped(to: 300),
        expected: "\(wanted.0) x \(wanted.1) pixels, as \(first.path.clipped()) has",
        got: "\(other.head.width) x \(other.head.height)",
        advice: "bring all pictures to one size with an option: \(files.path.clipped())?size=\(side)")
    }
    let channels = channels ?? (all.allSatisfy(\.head.isGray) ? 1 : 3), length = channels * wanted.0 * wanted.1
    guard chosen.count <= Self.mostNumbers / length else {
      throw DatasetError(
        .tooLarge, at: files.path.clipped(), expected: "at most \(Self.mostNumbers) numbers in all pictures",
        got: "\(chosen.count) of \(length)", advice: "make them smaller with ?size=32")
    }
    var pixels: [UInt8] = []
    pixels.reserveCapacity(chosen.count * length)
    for entry in chosen {
      let place = "\(files.path)/\(entry.path)".clipped(to: 300)
      let bytes = try files.bytes(of: entry.path, most: Self.mostBytes)
      let picture = try PictureFile(bytes, channels: channels, at: place)
        .resized(width: wanted.0, height: wanted.1, keeping: crop ?? 1)
      pixels += axes == .hwc ? picture.interleaved : picture.planes
    }
    let row = axes == .hwc ? [wanted.1, wanted.0, channels] : [channels, wanted.1, wanted.0]
    return Dataset(
      name: files.path, inputs: Tensor(pixels: pixels, Shape([chosen.count] + row)),
      labels: chosen.map(\.label), classNames: classes)
  }
}
