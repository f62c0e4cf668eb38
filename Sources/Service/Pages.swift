import DitherBasics
import Foundation

/// Answers of lists that come a page at a time: a request says how many it takes, and where the page before has ended.
enum Pages {
  /// - Parameters:
  ///   - asked: 0: as many as there may be.
  ///   - most: entries of one answer.
  static func size(_ asked: Int32, most: Int) throws(ServiceError) -> Int {
    guard asked >= 0 else {
      throw ServiceError(.badField, at: "page_size", expected: "0 or more", got: "\(asked)")
    }
    return asked == 0 ? most : min(Int(asked), most)
  }

  /// Opaque to clients.
  /// - Parameter place: the last entry of a page, in words that `place(of:)` reads.
  static func token(_ place: String) -> String { Data(place.utf8).base64EncodedString() }

  /// - Parameter read: gives nil for words that are no place.
  /// - Returns: nil where the request begins anew.
  static func place<Place>(of token: String, _ read: (String) -> Place?) throws(ServiceError) -> Place? {
    guard !token.isEmpty else { return nil }
    guard let data = Data(base64Encoded: token), let place = read(String(decoding: data, as: UTF8.self)) else {
      throw ServiceError(
        .badField, at: "page_token", expected: "the next_page_token of an answer", got: "'\(token.clipped())'",
        advice: "leave it out to begin anew")
    }
    return place
  }
}
