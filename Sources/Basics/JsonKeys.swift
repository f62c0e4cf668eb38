import Foundation

/// Keys that stand twice in one mapping of a JSON text: which of their values counts is a matter of the reader, so
/// a file that means something has none.
public enum JsonKeys {
  /// - Parameter text: JSON, which another reader has found to be well formed.
  /// - Returns: the first key that its mapping has already.
  public static func duplicate(in text: String) -> String? {
    let bytes = Array(text.utf8)
    var open: [Set<String>?] = [], at = 0, word: ArraySlice<UInt8>?
    while at < bytes.count {
      switch bytes[at] {
      case UInt8(ascii: "{"): open.append([])
      case UInt8(ascii: "["): open.append(nil)
      case UInt8(ascii: "}"), UInt8(ascii: "]"): _ = open.popLast()
      case UInt8(ascii: "\""):
        let start = at
        at += 1
        while at < bytes.count, bytes[at] != UInt8(ascii: "\"") { at += bytes[at] == UInt8(ascii: "\\") ? 2 : 1 }
        word = bytes[start...min(at, bytes.count - 1)]
      case UInt8(ascii: ":"):
        guard let token = word, let last = open.indices.last, open[last] != nil else { break }
        let key = (try? JSONDecoder().decode(String.self, from: Data(token))) ?? String(decoding: token, as: UTF8.self)
        guard open[last]?.insert(key).inserted == true else { return key }
      default: break
      }
      at += 1
    }
    return nil
  }
}
