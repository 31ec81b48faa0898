/** Names that a page, a terminal or a shell could take for something else than a name. */
export const hostileNames: readonly string[] = [
  '<script>alert(1)<\x2fscript>',
  '<img src=x onerror=alert(1)>',
  '"><svg onload=alert(1)>',
  "' onmouseover='alert(1)",
  '</title></style></textarea><b>',
  '&lt;b&gt; &amp; &#60;i&#62;',
  '{{alert(1)}} <%= 1 %>',
  'javascript:alert(1)',
  '\x1b]0;title\x07\x1b[31mred\x1b[2J',
  'line\nbreak\r\nand\ttab',
  '\u202Egnp.exe\u202C',
  'invisible\u200B\uFEFF\u2028\u2029',
  '=HYPERLINK("http://x","y")',
  '`id` $(id) ; | > < * ?',
  '__proto__',
  'constructor',
  '%2e%2e%2f%00',
  '🐈\u200D⬛ e\u0301 ﷽ \ud83d\udc08',
];

/** The same as names of files. */
export const hostileFileNames: readonly string[] = hostileNames.map((name) => name.replaceAll('/', '|'));
