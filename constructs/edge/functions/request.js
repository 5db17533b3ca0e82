// Runs at the edge before each request for the frontend. It sends former addresses and other host names to their place,
// and asks the bucket for the single page where the page's own router decides what to show.
// The runtime is cloudfront-js-2.0, ECMAScript 5.1 with a few newer features (no for-of): internal/edgejs holds this text to
// it. `settings` stands before the text.

const FILE = /\.(?:avif|bmp|css|csv|docx?|eot|gif|gz|html?|ico|ics|jpe?g|js|json|m4v|map|mjs|mov|mp[34]|odp|otf|pdf|php|png|pptx?|svg|ttf|txt|wasm|webm|webmanifest|webp|woff2?|xlsx?|xml|zip)$/i;
// /.well-known/ belongs to others, and nobody's page begins with a dot
const HIDDEN = /\/\./;

function handler(event) {
    const request = event.request;
    const query = queryText(request.querystring);
    const moved = formerAddress(request.uri);
    if (moved) {
        return redirect(moved, query);
    }
    if (settings.host && request.headers.host && request.headers.host.value.toLowerCase() !== settings.host) {
        return redirect('https://' + settings.host + request.uri, query);
    }
    // a file that is missing stays missing: only pages are the router's
    if (!request.uri.startsWith('/assets/') && !FILE.test(request.uri) && !HIDDEN.test(request.uri)) {
        request.uri = '/index.html';
    }
    return request;
}

// Whole paths first, with or without a slash at the end, then the longest pattern. An entry of settings is [path, host, path to go to].
function formerAddress(uri) {
    const path = uri.toLowerCase();
    const whole = settings.paths.find((entry) => path === entry[0] || path === entry[0] + '/');
    if (whole) {
        return 'https://' + whole[1] + whole[2];
    }
    const pattern = settings.prefixes.find((entry) => path.startsWith(entry[0]));
    if (pattern) {
        return 'https://' + pattern[1] + pattern[2].replace(/\*$/, () => uri.slice(pattern[0].length));
    }
    return '';
}

function redirect(location, query) {
    return {
        statusCode: 301,
        statusDescription: 'Moved Permanently',
        headers: {
            // without an age browsers would keep a mistake for ever
            'cache-control': { value: 'public, max-age=3600' },
            'location': { value: withQuery(location, query) },
        },
    };
}

// The query goes along, behind one of the location's own and before its fragment.
function withQuery(location, query) {
    if (!query) {
        return location;
    }
    const end = location.includes('#') ? location.indexOf('#') : location.length;
    const path = location.slice(0, end);
    return path + (path.includes('?') ? '&' : '?') + query + location.slice(end);
}

function queryText(querystring) {
    const pairs = [];
    Object.keys(querystring).forEach((name) => {
        const values = querystring[name].multiValue || [querystring[name]];
        values.forEach((each) => pairs.push(each.value === '' ? name : name + '=' + each.value));
    });
    return pairs.join('&');
}
