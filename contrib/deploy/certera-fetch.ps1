<#
.SYNOPSIS
Downloads a certificate with its key from Certera, if it has changed, and puts it into the Windows store, a site of IIS,
Exchange or a file.

.DESCRIPTION
For Windows PowerShell 5.1 and PowerShell 7. Run it as an administrator, from a scheduled task; once an hour is fine: if
nothing has changed, the server answers 304 and nothing is touched.

The former certificate stays in the store, and a replaced file stays beside the new one as NAME.old. To go back, set the
binding to the former certificate again.

A scheduled task that runs it every hour:

  $action = New-ScheduledTaskAction -Execute 'powershell.exe' -Argument ('-NoProfile -ExecutionPolicy Bypass -File ' +
      'C:\ProgramData\Certera\certera-fetch.ps1 -Server https://certera.example.org -Name www ' +
      '-ApiKeyFile C:\ProgramData\Certera\www.apikey -Site "Default Web Site"')
  $trigger = New-ScheduledTaskTrigger -Once -At (Get-Date) -RepetitionInterval (New-TimeSpan -Hours 1)
  Register-ScheduledTask -TaskName 'Certera www' -Action $action -Trigger $trigger -User SYSTEM -RunLevel Highest

The file with the API key must be readable by administrators and SYSTEM only:

  icacls C:\ProgramData\Certera\www.apikey /inheritance:r /grant:r SYSTEM:R Administrators:R

WHAT WAS TESTED. This script was written where no Windows is. Its syntax is checked by a parser of the language, and its
requests are replayed against the server byte for byte (t/9120-powershell.t). What it calls of Windows was never run: the
import into the store, the binding of IIS (WebAdministration), Enable-ExchangeCertificate and the scheduled task. Try it on
a test machine first.

.PARAMETER Server
URL of the Certera server, such as https://certera.example.org.
.PARAMETER Name
Name of the certificate there.
.PARAMETER ApiKeyFile
File with an API key of the certificate.
.PARAMETER Site
Site of IIS whose https bindings get the certificate.
.PARAMETER HostHeader
Only the bindings of the site with this host header.
.PARAMETER Exchange
Services of Exchange that get the certificate, such as IIS,SMTP.
.PARAMETER File
Write a PFX to this file instead of importing into the store.
.PARAMETER PasswordFile
With -File: file with the password of the PFX.
.PARAMETER Staging
The staging certificate of that name.
.PARAMETER Legacy
A PFX with 3DES and SHA-1, for Windows Server 2016 and older. Without it, the version of Windows decides.
.PARAMETER StateDirectory
Directory that remembers what was installed.
.PARAMETER Quiet
Say nothing if nothing has changed.

.EXAMPLE
.\certera-fetch.ps1 -Server https://certera.example.org -Name www -ApiKeyFile C:\ProgramData\Certera\www.apikey -Site "Default Web Site"
.EXAMPLE
.\certera-fetch.ps1 -Server https://certera.example.org -Name mail -ApiKeyFile C:\ProgramData\Certera\mail.apikey -Exchange IIS,SMTP
.EXAMPLE
.\certera-fetch.ps1 -Server https://certera.example.org -Name app -ApiKeyFile C:\ProgramData\Certera\app.apikey -File D:\app\app.pfx -PasswordFile D:\app\pfx.password
#>
[CmdletBinding()]
param(
    [Parameter(Mandatory = $true)] [string] $Server,
    [Parameter(Mandatory = $true)] [string] $Name,
    [Parameter(Mandatory = $true)] [string] $ApiKeyFile,
    [string] $Site,
    [string] $HostHeader,
    [string[]] $Exchange,
    [string] $File,
    [string] $PasswordFile,
    [switch] $Staging,
    [switch] $Legacy,
    [string] $StateDirectory = (Join-Path $env:ProgramData 'Certera'),
    [switch] $Quiet
)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

# Windows PowerShell 5.1 offers TLS 1.0 only, unless it is told otherwise.
[Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
Add-Type -AssemblyName System.Net.Http

function New-Password {
    $bytes = New-Object byte[] 24
    $random = [Security.Cryptography.RandomNumberGenerator]::Create()
    $random.GetBytes($bytes)
    $random.Dispose()
    return [Convert]::ToBase64String($bytes)
}

# Windows before 10.0.17763 (Server 2019) reads no PFX with AES and SHA-256.
function Test-OldWindows {
    return [Environment]::OSVersion.Version -lt [Version] '10.0.17763'
}

# The PFX as bytes; $null: it has not changed.
function Get-Pfx([string] $Password, [string] $Known) {
    $form = New-Object 'Collections.Generic.Dictionary[string,string]'
    $form.Add('format', 'pfx')
    $form.Add('pfxPassword', $Password)
    $form.Add('pfxLegacy', [string] ([bool] $Legacy -or (Test-OldWindows)))
    $form.Add('staging', [string] [bool] $Staging)

    $client = New-Object Net.Http.HttpClient
    try {
        $client.Timeout = [TimeSpan]::FromSeconds(90)
        $uri = $Server.TrimEnd('/') + '/api/certificate/' + [Uri]::EscapeDataString($Name)
        $request = New-Object Net.Http.HttpRequestMessage ([Net.Http.HttpMethod]::Post), $uri
        $request.Content = New-Object Net.Http.FormUrlEncodedContent $form
        $request.Headers.Add('apiKey', (Get-Content -LiteralPath $ApiKeyFile -TotalCount 1).Trim())
        if ($Known) { [void] $request.Headers.TryAddWithoutValidation('If-None-Match', $Known) }

        $answer = $client.SendAsync($request).GetAwaiter().GetResult()
        $text = $answer.Content.ReadAsStringAsync().GetAwaiter().GetResult()
        if ([int] $answer.StatusCode -eq 304) { return $null }
        if ([int] $answer.StatusCode -ne 200) { throw "The server answered $([int] $answer.StatusCode): $($text.Trim())" }
        return @{ Bytes = [Convert]::FromBase64String($text); ETag = [string] $answer.Headers.ETag }
    }
    finally {
        $client.Dispose()
    }
}

function Save-File([byte[]] $Bytes) {
    $new = "$File.new"
    [IO.File]::WriteAllBytes($new, $Bytes)
    if (Test-Path -LiteralPath $File) {
        Set-Acl -LiteralPath $new -AclObject (Get-Acl -LiteralPath $File)
        [IO.File]::Replace($new, $File, "$File.old")
    }
    else {
        [IO.File]::Move($new, $File)
    }
}

function Add-ToStore([string] $Store, [Security.Cryptography.X509Certificates.X509Certificate2] $Certificate) {
    $place = New-Object Security.Cryptography.X509Certificates.X509Store $Store, 'LocalMachine'
    $place.Open('ReadWrite')
    try { $place.Add($Certificate) } finally { $place.Close() }
}

# The certificate with its key goes to "My", its issuers to "CA"; its thumbprint.
function Import-Pfx([byte[]] $Bytes, [string] $Password) {
    $flags = [Security.Cryptography.X509Certificates.X509KeyStorageFlags] 'MachineKeySet, PersistKeySet'
    $all = New-Object Security.Cryptography.X509Certificates.X509Certificate2Collection
    $all.Import($Bytes, $Password, $flags)
    $thumbprint = $null
    foreach ($one in $all) {
        if ($one.HasPrivateKey) {
            $one.FriendlyName = "Certera $Name"
            Add-ToStore 'My' $one
            $thumbprint = $one.Thumbprint
        }
        elseif ($one.Subject -ne $one.Issuer) {
            Add-ToStore 'CA' $one
        }
    }
    if (-not $thumbprint) { throw 'There is no certificate with a private key in the PFX.' }
    return $thumbprint
}

function Set-SiteBinding([string] $Thumbprint) {
    Import-Module WebAdministration
    $bindings = @(Get-WebBinding -Name $Site -Protocol 'https')
    if ($HostHeader) { $bindings = @($bindings | Where-Object { $_.bindingInformation.EndsWith(":$HostHeader") }) }
    if ($bindings.Count -eq 0) { throw "The site $Site has no https binding$(if ($HostHeader) { " for $HostHeader" })." }
    foreach ($binding in $bindings) { $binding.AddSslCertificate($Thumbprint, 'My') }
}

function Set-ExchangeServices([string] $Thumbprint) {
    if (-not (Get-Command Enable-ExchangeCertificate -ErrorAction SilentlyContinue)) {
        Add-PSSnapin Microsoft.Exchange.Management.PowerShell.SnapIn
    }
    Enable-ExchangeCertificate -Thumbprint $Thumbprint -Services ($Exchange -join ',') -Force
}

if ($Name -notmatch '^[A-Za-z0-9_][A-Za-z0-9._-]*$') { throw "`"$Name`" is no name of a certificate." }
if ($Server -notmatch '^https://') { throw 'The server must be an https URL.' }
if ($File -and -not $PasswordFile) { throw 'Give -PasswordFile with -File.' }
if (-not (Test-Path -LiteralPath $StateDirectory)) { [void] (New-Item -ItemType Directory -Path $StateDirectory) }

# What is remembered is of this destination alone; it is written when all is done, so a failure is repeated.
$stateFile = Join-Path $StateDirectory "$Name$(if ($Staging) { '.staging' }).state"
$destination = @($File, $Site, $HostHeader, ($Exchange -join ',')) -join '|'
$known = $null
if (Test-Path -LiteralPath $stateFile) {
    $state = @(Get-Content -LiteralPath $stateFile)
    if ($state.Count -ge 2 -and $state[0] -eq $destination -and (-not $File -or (Test-Path -LiteralPath $File))) { $known = $state[1] }
}

$password = if ($File) { (Get-Content -LiteralPath $PasswordFile -TotalCount 1) } else { New-Password }
$pfx = Get-Pfx $password $known
if ($null -eq $pfx) {
    if (-not $Quiet) { Write-Output "${Name}: nothing has changed." }
    return
}

if ($File) {
    Save-File $pfx.Bytes
    $what = "is in $File"
}
else {
    $thumbprint = Import-Pfx $pfx.Bytes $password
    if ($Site) { Set-SiteBinding $thumbprint }
    if ($Exchange) { Set-ExchangeServices $thumbprint }
    $what = "is in the store with the thumbprint $thumbprint"
}
Set-Content -LiteralPath $stateFile -Value @($destination, $pfx.ETag)
Write-Output "${Name}: the new certificate $what."
