/// Short messages, wanted or not. Source: Almeida, Hidalgo, Yamakami 2011; UCI Machine Learning Repository, CC BY 4.0.
enum SmsSpam: TextSet {
  static let name = "sms-spam"
  static let summary = "short messages, ham or spam, 5 574"
  static let classNames = ["ham", "spam"]
  static let labels = classNames
  static let separator: Character = "\t"
  static let files = [
    DataFile(
      "text/sms-spam/SMSSpamCollection",
      from: "https://archive.ics.uci.edu/static/public/228/sms+spam+collection.zip",
      sha256: "7d039a24a6083ed9ef0f806ebad56bbb976e3aeb8de05669173bfdc4996c239d", bytes: 477_907,
      member: "SMSSpamCollection")
  ]
}
