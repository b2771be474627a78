/** @file Ways to write a name that leads out of a folder, or stands for something that is no file; for every door with names. */

export interface TraversalForm {
  readonly what: string;
  readonly form: string;
}

const forms: Readonly<Record<string, readonly string[]>> = {
  empty: ['', ' ', '.', './', '/', '//', 'a//b', 'a/', './a', 'a/./b'],
  'going up': [
    ...[
      '..',
      '../',
      '../secret',
      '../../../../etc/passwd',
      'a/..',
      'a/../..',
      'a/../../secret',
      'a/b/../../..',
    ],
    ...['./../secret', '..//secret', '.../secret', '..../secret', '....//secret', 'a/.../b', '../.'],
  ],
  backslashes: [
    ...[
      '..\\',
      '..\\secret',
      '..\\..\\windows\\win.ini',
      'a\\..\\..\\secret',
      '..\\/secret',
      '../\\secret',
      '\\secret',
    ],
    ...['a\\b', '.\\.\\', '....\\\\secret', '\\', '..\\\\secret'],
  ],
  'percent signs': [
    ...[
      '%2e%2e',
      '%2e%2e/secret',
      '%2e%2e%2fsecret',
      '..%2fsecret',
      '..%2Fsecret',
      '%2E%2E/secret',
      '.%2e/secret',
    ],
    ...[
      '%2e./secret',
      'a%2f..%2f..%2fsecret',
      '..%5csecret',
      '%2e%2e%5csecret',
      '..%5Csecret',
      '%2fetc%2fpasswd',
    ],
    ...['%2e', '%2fsecret', '..%2f..%2f..%2fsecret'],
  ],
  'percent signs, twice and more': [
    ...[
      '%252e%252e',
      '%252e%252e%252fsecret',
      '..%252fsecret',
      '..%255csecret',
      '%25252e%25252e%25252fsecret',
    ],
    ...['%%32%65%%32%65/secret', '..%%35%63secret', '%252fsecret', '%2500', '..%25%32%66secret'],
  ],
  'overlong UTF-8 and %u': [
    ...[
      '%c0%ae%c0%ae',
      '%c0%ae%c0%ae/secret',
      '..%c0%afsecret',
      '%c0%ae%c0%ae%c0%afsecret',
      '..%c1%9csecret',
    ],
    ...['%e0%80%ae%e0%80%ae/secret', '..%e0%80%afsecret', '%u002e%u002e%u002fsecret', '..%u2215secret'],
    ...['..%u2216secret', '%uff0e%uff0e%uff0fsecret', '%C0%AE%C0%AE%C0%AFsecret', '..%c0%5csecret'],
  ],
  'characters that look alike': [
    ...[
      '\uff0e\uff0e/secret',
      '..\uff0fsecret',
      '\uff0e\uff0e\uff0fsecret',
      '\u2024\u2024/secret',
      '\u2025/secret',
    ],
    ...[
      '..\uff3csecret',
      '.\u200b./secret',
      '.\u00ad./secret',
      '\ufeff../secret',
      '\u200d..',
      '..\u200c/secret',
    ],
    '%ef%bc%8e%ef%bc%8e/secret',
  ],
  'control characters': [
    ...[
      '\0',
      'a\0',
      'a.png\0.txt',
      '../secret\0.png',
      'a\nb',
      'a\rb',
      'a\tb',
      '\x7f',
      'a\u0085b',
      '%00',
      'a%00.png',
    ],
    ...['a%0ab', 'a%0d%0ab', '%2e%2e%00/secret', '\x1b[2J'],
  ],
  absolute: [
    ...['/etc/passwd', '//etc/passwd', '///etc/passwd', '/', '/proc/self/environ', '/dev/zero', '/./a'],
    ...['file:///etc/passwd', 'file://localhost/etc/passwd', 'http://example.org/a', '~', '~/secret'],
  ],
  drives: [
    ...[
      'C:',
      'c:/',
      'C:/windows/win.ini',
      'C:\\windows\\win.ini',
      'C:secret',
      'z:..',
      'c%3a/secret',
      'C:../secret',
    ],
  ],
  'UNC and namespaces': [
    ...[
      '\\\\server\\share\\a',
      '//server/share/a',
      '\\\\?\\C:\\secret',
      '\\\\.\\PhysicalDrive0',
      '//?/C:/secret',
    ],
    ...[
      '\\\\?\\UNC\\server\\share',
      '//./COM1',
      '\\??\\C:\\secret',
      '%5c%5cserver%5cshare',
      '/\\server/share',
    ],
  ],
  devices: [
    ...[
      'CON',
      'con',
      'nul',
      'NUL.txt',
      'aux.png',
      'prn',
      'COM1',
      'com9.txt',
      'LPT1',
      'lpt3.tar.gz',
      'CONIN$',
      'CONOUT$',
    ],
    ...['nul ', 'nul.', 'a/nul', 'com¹', 'NUL:', 'clock$', '%6eul'],
  ],
  'endings that Windows leaves out': [
    ...[
      'a.',
      'a..',
      'a ',
      'a. ',
      'a .',
      'secret.png.',
      'secret.png ',
      'a./b',
      'a /b',
      '.. ',
      '.. /secret',
      '..%20/secret',
    ],
    ...['. . /secret', ' ../secret', '.%20.'],
  ],
  'hidden streams': ['a.png::$DATA', 'a.png:$DATA', '.::$INDEX_ALLOCATION', 'a::stream'],
  'too long': [
    'a'.repeat(256),
    'a/'.repeat(2500) + 'a',
    '../'.repeat(2000),
    'é'.repeat(128),
    `${'%2e%2e%2f'.repeat(500)}secret`,
  ],
  'no text': ['\ud800', 'a\udfffb', '\udc00/secret'],
};

/** At least 120, all to be refused wherever a name is taken. Some hold lone surrogates, which URLs cannot. */
export const traversalForms: readonly TraversalForm[] = Object.entries(forms).flatMap(([what, list]) =>
  list.map(form => ({ what, form })),
);
